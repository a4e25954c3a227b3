"""A worker's output: every line begins with the slot, and every line is one write.

One write of less than PIPE_BUF bytes is never torn or mixed with another process's line.
"""

from __future__ import annotations

import io
import os


class LineWriter(io.TextIOBase):
    """A text stream that writes complete lines to a descriptor, each with a prefix."""

    def __init__(self, descriptor: int, prefix: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._prefix = prefix
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has it as an attribute
        """Always UTF-8."""
        return "utf-8"

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor behind it."""
        return self._descriptor

    def isatty(self) -> bool:
        """A prefix belongs into a log, not onto a terminal's cursor line."""
        return False

    def write(self, text: str) -> int:
        """Keep the last, unfinished line until its end comes."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._emit(line)
        return len(text)

    def flush(self) -> None:
        """Nothing: only complete lines leave."""

    def finish(self) -> None:
        """Write what was begun, at the end of a job."""
        if self._begun:
            self._emit(self._begun)
        self._begun = ""

    def _emit(self, line: str) -> None:
        data = f"[{self._prefix}] {line}\n".encode("utf-8", "backslashreplace")
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:
                # Nobody reads our output any more (the terminal or the pipe is gone): the job matters more.
                return
