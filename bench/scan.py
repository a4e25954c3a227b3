"""How long `qsup validate` takes for a large project, and how much memory: cold, with the cache, on one core, on all.

    python -m bench.scan --files 10000 --php 1000 --json

bench/estate.py makes the projects from a seed. A run is a process of its own; the ways alternate, round after round.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.estate import module_of, php_project, python_project


@dataclass(frozen=True, slots=True)
class Run:
    """What one way of validating took: the medians of its rounds."""

    what: str
    files: int
    seconds: float
    """From start to end."""
    cpu: float
    """Seconds of all processes."""
    megabytes: float
    """Of its largest process at its largest."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way of validating a project."""

    what: str
    root: Path
    files: int
    options: tuple[str, ...] = ()
    cores: int = 0
    """How many it may use; 0 = all."""
    cache: str = ""
    """`empty` or `full` before the run, or `edited`: full, and one file changed since."""


def measure(quick: bool = False, files: int = 0, php: int = 0, seed: int = 1, rounds: int = 0) -> list[Run]:
    """Make the projects, run each way in turn, round after round, and give the medians."""
    files, php, rounds = (
        files or (500 if quick else 10_000),
        php or (100 if quick else 1000),
        rounds or (1 if quick else 5),
    )
    with tempfile.TemporaryDirectory(prefix="qsup-scan-") as folder:
        python_project(Path(folder, "python"), files, seed)
        php_project(Path(folder, "php"), php, seed)
        found: dict[str, list[Run]] = {}
        for number in range(rounds):
            for way in ways(Path(folder), files, php):
                found.setdefault(way.what, []).append(once(way, Path(folder, "cache"), number))
        return [median(runs) for runs in found.values()]


def ways(folder: Path, files: int, php: int) -> list[Way]:
    """Those that are compared; the order matters, a full cache comes after an empty one."""
    python = folder / "python"
    return [
        Way("Python, one core, no cache", python, files, ("--no-cache",), cores=1),
        Way("Python, all cores, no cache", python, files, ("--no-cache",)),
        Way("Python, all cores, empty cache", python, files, cache="empty"),
        Way("Python, all cores, cache", python, files, cache="full"),
        Way("Python, all cores, cache, one file edited", python, files, cache="edited"),
        Way("PHP, one core", folder / "php", php, ("--no-cache",), cores=1),
    ]


def once(way: Way, cache: Path, number: int) -> Run:
    """One run. Raises CalledProcessError when validate finds a problem: the projects have none."""
    if way.cache == "empty":
        for file in cache.rglob("*.json"):
            file.unlink()
    if way.cache == "edited":
        edited = way.root / (module_of(way.files // 2).replace(".", "/") + ".py")
        edited.write_text(f"{edited.read_text()}\n# {number}\n")
    command = [sys.executable, "-m", "qsup", "validate", str(way.root / "queues.yaml"), *way.options]
    environ: Mapping[str, str] = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    allowed = sorted(os.sched_getaffinity(0))[: way.cores or None]
    begun = time.perf_counter()
    with subprocess.Popen(  # noqa: S603  our own
        command, env=environ, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, allowed)
    ) as child:  # fmt: skip
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Run(way.what, way.files, seconds, cpu(used), used.ru_maxrss / 1024)


def cpu(used: resource.struct_rusage) -> float:
    """Seconds in the program and in the kernel."""
    return used.ru_utime + used.ru_stime


def median(runs: list[Run]) -> Run:
    """The middle of each number."""
    numbers = (statistics.median(getattr(run, name) for run in runs) for name in ("seconds", "cpu", "megabytes"))
    return Run(runs[0].what, runs[0].files, *numbers)


def table(runs: list[Run]) -> str:
    """The runs for people."""
    head = f"{'':46}{'files':>8}{'s':>8}{'CPU s':>8}{'MB':>7}"
    lines = (f"{run.what:46}{run.files:8,}{run.seconds:8.2f}{run.cpu:8.2f}{run.megabytes:7.0f}" for run in runs)
    return "\n".join([head, *lines])


def main() -> None:
    """Measure what the words on the command line say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("files", 10_000), ("php", 1000), ("seed", 1), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true", help="one object for each way")
    given = parser.parse_args()
    runs = measure(files=given.files, php=given.php, seed=given.seed, rounds=given.rounds)
    print(json.dumps([asdict(run) for run in runs], indent=1) if given.json else table(runs))


if __name__ == "__main__":
    main()
