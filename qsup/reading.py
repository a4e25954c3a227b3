"""Reading a file that anybody may have put there: at most so many bytes, and never waiting for a silent pipe."""

from __future__ import annotations

import errno
import os
import select
import stat
from pathlib import Path

MOST_BYTES = 512 * 1024
"""Of a queues.yaml, read in at most 4 s (measured: one list of 260,000 numbers); a queue takes about 100 bytes."""
PATIENCE = 5.0
"""Seconds for which a pipe or a terminal may say nothing."""


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content, its first `most` + 1 bytes when it has more. Raises OSError."""
    # Without O_NONBLOCK, opening a pipe that nobody writes to waits for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = b""
        while len(found) <= most and (piece := _piece(descriptor, most + 1 - len(found))):
            found += piece
        return found
    finally:
        os.close(descriptor)


def fingerprint_of_kind(path: Path) -> str:
    """What can be said of something that is no ordinary file without opening it; empty for an ordinary file."""
    found = path.stat()
    return "" if stat.S_ISREG(found.st_mode) else f"{stat.S_IFMT(found.st_mode):o}:{found.st_dev}:{found.st_ino}"


def _piece(descriptor: int, most: int) -> bytes:
    try:
        return os.read(descriptor, most)
    except BlockingIOError:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(PATIENCE * 1000):
            raise OSError(errno.ETIMEDOUT, f"nothing came out of it for {PATIENCE:g} s") from None
        return os.read(descriptor, most)
