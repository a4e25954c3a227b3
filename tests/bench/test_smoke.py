"""The bench itself works: a tiny round of it on a real server and real processes. No time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.project.source import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def left_behind() -> set[str]:
    """The bench's folders and files of marks that are there now."""
    return {one for folder in ("/var/tmp", "/dev/shm") for one in os.listdir(folder) if one.startswith("qsup-bench-")}


def test_a_smoke_run_measures_and_leaves_nothing_behind() -> None:
    before = left_behind()
    answer = bench("--smoke", "--json")
    assert answer.returncode == 0, answer.stderr
    figures = json.loads(answer.stdout)
    assert {one["measure"] for one in figures} == {"drain", "pickup", "kill"}
    assert {one["who"] for one in figures} == {
        "qsup, prefetch: auto", "bare dispatcher, look-ahead", "bare LISTEN, claim, pipe",
    }  # fmt: skip
    assert all(one["value"] > 0 for one in figures), figures
    assert left_behind() <= before


def test_a_measure_that_is_not_there_is_named_with_those_that_are() -> None:
    answer = bench("drian")
    assert answer.returncode == 2
    assert "no such measure: drian; there are drain, " in answer.stderr
