"""The kernel's timer of a worker: it ends the process with the lease, and not when there is no job any more."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has timers on CLOCK_BOOTTIME")

BEGIN = "from qsup.lease_end import LeaseEnd; from qsup.board import boottime; import time; end = LeaseEnd(); "


def outcome(*steps: str) -> int:
    """What a process that does this ends with."""
    return subprocess.run([sys.executable, "-c", BEGIN + "; ".join(steps)], check=False, timeout=30).returncode


def test_a_process_dies_with_its_lease() -> None:
    assert outcome("end.begin(boottime() + 0.2)", "time.sleep(20)") == -signal.SIGKILL


def test_the_next_job_of_the_same_claim_changes_nothing_and_one_of_a_later_claim_lives_longer() -> None:
    same = ("first = boottime() + 1", "end.begin(first)", "end.begin(first)")
    assert outcome(*same, "time.sleep(20)") == -signal.SIGKILL
    assert outcome(*same, "end.begin(first + 60)", "time.sleep(1.3)") == 0


def test_without_a_job_nobody_dies_and_the_next_one_is_limited_again() -> None:
    asked = ("at = boottime() + 1", "end.begin(at)", "end.end()")
    assert outcome(*asked, "time.sleep(1.3)") == 0
    assert outcome(*asked, "end.begin(at)", "time.sleep(20)") == -signal.SIGKILL
    assert outcome("end.begin(boottime() + 1)", "end.begin(0)", "time.sleep(1.3)") == 0
