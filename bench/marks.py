"""The file that the jobs write to, from the side that reads it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.apps.mark import RECORD
from bench.figures import Mark

MEMORY = Path("/dev/shm")  # noqa: S108  the file in it is made by mkstemp
EVERY = 0.002
"""Seconds between two looks at the file's length."""


class Marks:
    """One file, emptied before each run."""

    def __init__(self, prefix: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix=prefix, dir=MEMORY if MEMORY.is_dir() else None)
        os.close(descriptor)
        self.path = Path(name)
        # Workers may run as another user than the bench.
        self.path.chmod(0o666)

    def empty(self) -> None:
        """Forget all marks."""
        os.truncate(self.path, 0)

    def count(self) -> int:
        """How many there are."""
        return self.path.stat().st_size // RECORD.size

    def read(self) -> list[Mark]:
        """All of them, in the order of writing."""
        written = self.path.read_bytes()
        return list(RECORD.iter_unpack(written[: len(written) // RECORD.size * RECORD.size]))

    def wait(self, enough: int, seconds: float, alive: Callable[[], bool] = lambda: True) -> bool:
        """Until so many are there; false when time is over first, or when nobody is alive who could write them."""
        deadline = time.monotonic() + seconds
        while self.count() < enough:
            if time.monotonic() > deadline or not alive():
                return False
            time.sleep(EVERY)
        return True

    def pids(self) -> Sequence[int]:
        """The processes that have run jobs, in the order of their first."""
        return list(dict.fromkeys(pid for _, _, pid in self.read()))

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)
