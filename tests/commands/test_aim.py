"""A worker is killed in one job and in no other, and never while it may be beginning one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qsup import aim
from qsup.aim import Target
from qsup.board import Board, Record
from qsup.rundir import RunDirectory, run_directory
from qsup.slots import open_turns
from tests.conftest import Eventually

HOLD = """
import sys
from pathlib import Path
from qsup.rundir import RunDirectory
from qsup.slots import open_turns, turn
with turn(open_turns(RunDirectory(Path(sys.argv[1]))), 0, wait=True) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


class Scene:
    """A process that stands for a worker, and the board that says what it does."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.board = Board.create(run.board, "us")
        self.turns = open_turns(run)
        self.worker = subprocess.Popen(["sleep", "600"], process_group=0)
        self.target = Target(0, self.worker.pid, 812, 3)

    def does(self, state: str = "busy", job: int = 812, claim: int = 3) -> None:
        """The worker writes its record."""
        self.board.write(0, Record(slot="q:0", state=state, pid=self.worker.pid, job=job, claim=claim))

    def kill(self) -> bool | None:
        return aim.kill_in(self.turns, self.board, self.target)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(run_directory(tmp_path / "queues.yaml"))
    yield found
    os.close(found.turns)
    found.worker.kill()
    found.worker.wait()


def test_it_is_killed_in_this_job(scene: Scene) -> None:
    scene.does()
    assert scene.kill() is True
    assert scene.worker.wait(10) == -9


@pytest.mark.parametrize(
    ("state", "job", "claim"), [("busy", 813, 3), ("busy", 812, 4), ("idle", 0, 0), ("leaving", 0, 0)]
)
def test_in_any_other_it_is_left_alone(scene: Scene, state: str, job: int, claim: int) -> None:
    scene.does(state, job, claim)
    assert scene.kill() is False
    assert scene.worker.poll() is None


def test_another_worker_in_the_slot_is_left_alone(scene: Scene) -> None:
    scene.does()
    scene.target = replace(scene.target, pid=os.getpid())
    assert scene.kill() is False


def test_while_the_worker_may_be_beginning_another_one_nothing_is_decided(scene: Scene, eventually: Eventually) -> None:
    scene.does()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(scene.run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    assert scene.kill() is None
    assert scene.worker.poll() is None
    holder.communicate()
    assert eventually(scene.kill, what="the turn is free")
    assert scene.worker.wait(10) == -9
