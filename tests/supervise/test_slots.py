"""Slot locks, held and asked for by real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qsup import slots
from qsup.errors import AlreadyRunning
from qsup.rundir import RunDirectory
from tests.conftest import wait_until

HOLD = "import sys; from pathlib import Path; from qsup import slots; from qsup.rundir import RunDirectory; \
slots.hold(RunDirectory(Path(sys.argv[1])), 5); print('held', flush=True); sys.stdin.read()"


def held(run: RunDirectory) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_nobody_holds_a_slot_of_a_project_that_never_ran(tmp_path: Path) -> None:
    assert slots.holder(RunDirectory(tmp_path), 0) is None


def test_a_held_slot_names_its_holder_until_it_is_killed(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    process = held(run)
    assert slots.holder(run, 5) == process.pid
    assert slots.holder(run, 4) is None
    end(process)
    assert slots.holder(run, 5) is None


def test_a_slot_is_held_by_one_process_only(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    process = held(run)
    with pytest.raises(AlreadyRunning, match=f"process {process.pid}"):
        slots.hold(run, 5)
    end(process)
    os.close(slots.hold(run, 5))


def test_a_lock_does_not_pass_to_what_a_handler_starts(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    code = HOLD.replace("print(", "import subprocess; subprocess.Popen(['sleep', '30']); print(")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    wait_until(lambda: slots.holder(run, 5) is None, what="the lock is free although the grandchild lives")
    os.killpg(process.pid, 9)
    process.communicate()
