"""A worker whose supervisor, template and courier are all gone: when it stays, and when it ends by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qsup.board import Board
from qsup.rundir import RunDirectory, run_directory
from tests.supervise.test_template import eventually

ALONE = """
import sys
from pathlib import Path
from qsup import worker
from qsup.board import Board
from qsup.messages import Finished, Fork
from qsup.rundir import RunDirectory

run, alone, unsent = RunDirectory(Path(sys.argv[1])), float(sys.argv[2]), sys.argv[3]
worker.ALONE = alone
one = worker.Worker(Fork("q:0", 0, 0, 0.0, 0), Board(run.board), run.courier_socket)
if unsent:
    one.outbox.keep(Finished(1, 1, kind="done"))
sys.exit(one.run())
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run directory in which nobody lives."""
    found = run_directory(tmp_path / "queues.yaml")
    Board.create(found.board, "nobody")
    return found


@pytest.fixture
def start(run: RunDirectory) -> Iterator[Start]:
    """Starts a worker without a template; ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def one(alone: float = 3600.0, unsent: str = "") -> subprocess.Popen[bytes]:
        board = Board(run.board)
        argv = [sys.executable, "-c", ALONE, str(run.path), str(alone), unsent]
        started.append(subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": os.getcwd()}))
        eventually(lambda: (record := board.read(0)) and record.pid == started[-1].pid, "it is in its loop")
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()


def looks_a_few_times() -> None:
    """Without a courier a worker looks for one ten times a second."""
    time.sleep(0.6)


def test_an_idle_worker_ends_when_its_run_directory_is_gone(run: RunDirectory, start: Start) -> None:
    worker = start()
    looks_a_few_times()
    assert worker.poll() is None, "the next `qsup run` may take it over"
    shutil.rmtree(run.path)
    assert worker.wait(15) == 0


def test_an_idle_worker_ends_after_a_long_time_without_a_courier(start: Start) -> None:
    assert start(alone=0.3).wait(15) == 0


def test_a_worker_with_an_outcome_to_hand_over_waits_for_the_next_run_however_long(start: Start) -> None:
    worker = start(alone=0.1, unsent="one")
    looks_a_few_times()
    assert worker.poll() is None
