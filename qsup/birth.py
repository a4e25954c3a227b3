"""How a worker of `qsup run` begins: what its template has ready for all of them, and what each does for itself."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from qsup import slots
from qsup.attempt import Attempts
from qsup.board import Board
from qsup.channel import decode
from qsup.lines import LineWriter
from qsup.messages import Fork
from qsup.rundir import RunDirectory
from qsup.worker import Worker


@dataclass(frozen=True, slots=True)
class Outfit:
    """Made once and taken along through every fork: to make it in each worker was 0.4 MiB of each (measured)."""

    run: RunDirectory
    board: Board
    courier: Path
    attempts: Attempts
    output: LineWriter
    errors: LineWriter

    @staticmethod
    def of(run: RunDirectory) -> Outfit:
        """For the workers of this run directory. Raises OSError and ValueError when it has no board."""
        return Outfit(run, Board(run.board), run.courier_socket, Attempts(), LineWriter(1, ""), LineWriter(2, ""))

    def live(self, fork: Fork, ready: int) -> int:
        """Be a worker in this process; the exit code. Writes a byte to `ready` when it can take jobs."""
        turns = slots.hold(self.run, fork.index)
        self.output.prefix = self.errors.prefix = fork.slot
        sys.stdout, sys.stderr = self.output, self.errors
        worker = Worker(fork, self.board, self.courier, turns, self.attempts)
        os.write(ready, b"1")
        os.close(ready)
        return worker.run()


def started_by_exec() -> int:
    """`python -m qsup.worker`, for `start: exec`: a fresh interpreter that imports the handlers itself."""
    fork = decode(os.environ.pop("QSUP_FORK").encode())
    assert isinstance(fork, Fork)  # noqa: S101  the template wrote it
    run = RunDirectory(Path(os.environ["QSUP_RUN"]))
    return Outfit.of(run).live(fork, int(os.environ.pop("QSUP_READY")))
