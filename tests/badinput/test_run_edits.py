"""Bad files saved under a running `qsup run`: each is refused, the old world goes on, a good one is taken."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.badinput.mutations import SMALL
from tests.supervise.rig import QUEUES, Run


@pytest.fixture
def run(project: Path, dsn: str) -> Iterator[Run]:
    rig = Run(project, dsn)
    yield rig
    rig.close()


def linked(to: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(to)


BAD: dict[str, tuple[bytes | Callable[[Path], object], str]] = {
    "half": (SMALL[:150], "queues.yaml:6:12: queues.payments is empty"),
    "nothing": (b"", "the file is empty"),
    "Latin-1": (SMALL.decode().encode("latin-1"), "this is not UTF-8"),
    "UTF-16": (SMALL.decode().encode("utf-16"), "this is not UTF-8"),
    "tabs": (SMALL.replace(b"    ", b"\t"), "indent with spaces, not tabs"),
    "an object of Python's": (b"version: 1\nqueues: !!python/object/apply:os.abort []\n", "has no meaning here"),
    "a terminal's escape": (b'version: 1\nqueues: {"\\e[31m\\ud800": {workers: 1}}\n', "the name of a queue"),
    "nested": (b"[" * 10_000, "nested more than 12 deep"),
    "100 MB": (b"#" * 100_000_000, "too large"),
    "a folder": (Path.mkdir, "is a directory"),
    "a pipe": (os.mkfifo, "the file is empty"),
    "an endless device": (linked("/dev/zero"), "too large"),
    "a link to nowhere": (linked("nothing"), "no such file"),
    "gone": (lambda _: None, "no such file"),
}


def replace(file: Path, new: bytes | Callable[[Path], object]) -> None:
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    file.unlink(missing_ok=True)
    if isinstance(new, bytes):
        file.write_bytes(new)
    else:
        new(file)


def test_every_bad_file_is_refused_and_the_good_one_after_it_taken(run: Run) -> None:
    first = run.start()
    workers = run.pids()
    for number, (case, (new, said)) in enumerate(BAD.items()):
        replace(run.project / "queues.yaml", new)
        seen = len(run.output())
        run.says(said, since=seen)
        run.until(lambda: run.state["rejected"] is not None, f"{case}: it is refused")
        run.dispatch(f"pay {number}")
        run.waits_for(f"end pay {number}")
        replace(run.project / "queues.yaml", b"")
        run.write(QUEUES)
        run.until(lambda: run.state["rejected"] is None, f"{case}: the good file is taken")
    assert run.pids() == workers
    assert run.state["generation"] == 1
    assert first.poll() is None
    assert "\x1b" not in run.output()
    assert "Traceback" not in run.output()


def test_a_pipe_in_the_place_of_the_file_makes_nobody_wait(run: Run) -> None:
    run.start()
    replace(run.project / "queues.yaml", os.mkfifo)
    run.refused()
    # The supervisor looks at the file every second; it must be awake all the same.
    pings = time.monotonic() + 3
    while time.monotonic() < pings:
        run.dispatch("pay")
        run.waits_for("end pay")
        run.waits_for_jobs_to_end()
        (run.cwd / "diary").unlink()
    run.write({**QUEUES, "sms": {"workers": 2}})
    run.settles(payments=2, sms=2)
