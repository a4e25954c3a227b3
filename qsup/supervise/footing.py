"""What the supervisor stands on: the files of its run directory, which somebody may take away or damage under it.

`git clean`, a deployment that deletes what it does not know, an emptied tmpfs. A damaged board is mended in its place.
Lost files cannot be put back, because the living processes hold the old ones: the supervisor begins anew instead, in
the same process. Its former children see that their channels are closed and do as after its death: idle workers leave,
busy ones finish their job and report to their courier, which stays until then.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from qsup.board import Board
from qsup.errors import QsupError
from qsup.rundir import RunDirectory, run_directory

EVERY = 1.0
"""Seconds between looks."""
MENDED = "the board was damaged and is mended; what its workers run they write down again with their next job"
LOST = "its files in {} were taken away or replaced; it begins anew, and running jobs finish where they are"


class Footing:
    """Looks whether the files are still there, and still the same."""

    def __init__(self, config_file: Path, run: RunDirectory, lock: int, board: Board) -> None:
        self.config_file, self.run, self.board = config_file, run, board
        # Made here if no worker has made it yet: what exists from the beginning can be missed.
        slots = os.open(run.slot_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._files = {run.run_lock: _identity(lock), run.slot_lock: _identity(slots)}
        self._files[run.board] = _identity(board.descriptor)
        os.close(slots)
        self.due = 0.0
        self.lost = False
        """Something is gone, and another directory can be had: begin anew."""

    def look(self, now: float) -> str:
        """What people should know, if it is time to look; mostly nothing."""
        if now < self.due:
            return ""
        self.due = now + EVERY
        # An answer like "no memory" says nothing about the files; the next look will.
        with suppress(OSError):
            if all(_found(path) == identity for path, identity in self._files.items()):
                return MENDED if self.board.mend() else ""
            self.lost = self._replaceable()
        return LOST.format(self.run.path) if self.lost else ""

    def _replaceable(self) -> bool:
        try:
            run_directory(self.config_file)
        except QsupError:
            return False
        return True


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _found(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
