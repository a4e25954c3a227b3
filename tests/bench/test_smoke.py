"""The bench itself works: a tiny round of it on a real server and real processes. No time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.project.source import ROOT


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def left_behind(pid: int) -> list[str]:
    """Files of this bench, and processes that work in its folder."""
    name = f"qsup-bench-{pid}-"
    files = [one for folder in ("/var/tmp", "/dev/shm") for one in Path(folder).glob(f"{name}*")]
    return [str(one) for one in files] + [str(one) for one in Path("/proc").glob("[0-9]*/cwd") if name in place(one)]


def place(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def test_a_smoke_run_measures_and_leaves_nothing_behind() -> None:
    with start("--smoke", "--json") as bench:
        out, said = bench.communicate(timeout=300)
    assert bench.returncode == 0, said
    figures = json.loads(out)
    assert {one["measure"] for one in figures} == {"drain", "pickup", "kill"}
    assert {one["who"] for one in figures} == {
        "qsup, prefetch: auto", "bare dispatcher, look-ahead", "bare LISTEN, claim, pipe",
    }  # fmt: skip
    assert all(one["value"] > 0 for one in figures), figures
    assert not left_behind(bench.pid)


def test_a_measure_that_is_not_there_is_named_with_those_that_are() -> None:
    with start("drian") as bench:
        _, said = bench.communicate(timeout=60)
    assert bench.returncode == 2
    assert "no such measure: drian; there are drain, " in said
