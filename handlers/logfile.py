"""A log that several processes write to and that may be rotated at any moment: no line is lost, none is torn.

Before each line the writer looks whether the name still means the file that it has open; if not, it opens the name.
A line that goes into the old file between the look and the write is in the old log: whoever compresses it waits until
nobody has it open.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path


class LogFile:
    """`LogFile(path).write(b"a line\\n")`, from any number of threads and processes. `mode`: of a new file."""

    def __init__(self, path: Path | str, *, mode: int = 0o640) -> None:
        self._path, self._mode = Path(path), mode
        self._lock = threading.Lock()
        self._number: int | None = None

    def write(self, line: bytes) -> None:
        """Append the line with one system call. Raises OSError."""
        with self._lock:
            number = self._current()
            while line:
                # Local file systems write it whole; what a full disk has cut follows when there is room.
                line = line[os.write(number, line) :]

    def close(self) -> None:
        """Let go of the file; the next write opens it again."""
        with self._lock:
            number, self._number = self._number, None
            if number is not None:
                os.close(number)

    def _current(self) -> int:
        if self._number is not None and self._is_same(self._number):
            return self._number
        try:
            fresh = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, self._mode)
        except OSError:
            if self._number is None:
                raise
            # Better in the old file than nowhere.
            return self._number
        if self._number is not None:
            os.close(self._number)
        self._number = fresh
        return fresh

    def _is_same(self, number: int) -> bool:
        with contextlib.suppress(OSError):
            named, have = self._path.stat(), os.fstat(number)
            return (named.st_dev, named.st_ino) == (have.st_dev, have.st_ino)
        return False


class LogFileHandler(logging.Handler):
    """Python's logging into a LogFile."""

    def __init__(self, path: Path | str, *, mode: int = 0o640) -> None:
        super().__init__()
        self._file = LogFile(path, mode=mode)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one line (or several, which stay together)."""
        try:
            self._file.write(f"{self.format(record)}\n".encode(errors="backslashreplace"))
        except Exception:
            # As all handlers of logging do: a log that cannot be written must not end the program.
            self.handleError(record)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()
