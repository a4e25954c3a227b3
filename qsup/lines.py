"""A worker's output: every line begins with the slot, and every line is one write.

One write of less than PIPE_BUF bytes is never torn or mixed with another process's line. Output that nobody reads is
dropped, and how much it was is said later: a log must not stop a job, and a job must not fill the memory with it.
"""

from __future__ import annotations

import io
import os
import select
import socket
import stat
import time
from contextlib import suppress

LONGEST = 65_536
"""Characters of a line; what is longer is written as several."""
NOT_WAITING = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
PATIENCE = 1.0
"""Seconds that a reader may be behind before what it does not take is dropped."""


class LineWriter(io.TextIOBase):
    """A text stream that writes complete lines to a descriptor, each with a prefix."""

    def __init__(self, descriptor: int, prefix: str) -> None:
        super().__init__()
        self._outlet = Outlet(descriptor)
        self.prefix = prefix
        self._begun: list[str] = []
        self._length = 0
        self._cut = False
        self._dropped = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has it as an attribute
        """Always UTF-8."""
        return "utf-8"

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor behind it."""
        return self._outlet.descriptor

    def isatty(self) -> bool:
        """A prefix belongs into a log, not onto a terminal's cursor line."""
        return False

    def write(self, text: str) -> int:
        """Keep the last, unfinished line until its end comes."""
        start = 0
        while start < len(text):
            end = text.find("\n", start, start + LONGEST)
            stop = end if end >= 0 else min(len(text), start + LONGEST)
            self._begun.append(text[start:stop])
            self._length += stop - start
            if end >= 0:
                self._end_line()
            elif self._length >= LONGEST:
                self.finish()
                self._cut = True
            start = stop + (end >= 0)
        return len(text)

    def flush(self) -> None:
        """Nothing: only complete lines leave."""

    def finish(self) -> None:
        """Write what was begun, at the end of a job."""
        if self._length:
            self._end_line()

    def _end_line(self) -> None:
        # The end of a line that was written in pieces is not one more line.
        if self._length or not self._cut:
            self._emit("".join(self._begun))
        self._begun.clear()
        self._length, self._cut = 0, False

    def _emit(self, line: str) -> None:
        if self._dropped and self._outlet.write(self._data(f"({self._dropped} lines were dropped: nobody read them)")):
            self._dropped = 0
        if self._dropped or not self._outlet.write(self._data(line)):
            self._dropped += 1

    def _data(self, line: str) -> bytes:
        return f"[{self.prefix}] {line}\n".encode("utf-8", "backslashreplace")


class Outlet:
    """A descriptor that is never waited for without end.

    It belongs to others too, so it is not made non-blocking itself: a pipe or a terminal is opened once more.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._own = descriptor
        self._socket: socket.socket | None = None
        self._patience = PATIENCE
        self._torn = False
        with suppress(OSError):
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
                self._own = os.open(f"/proc/self/fd/{descriptor}", NOT_WAITING)
            elif stat.S_ISSOCK(mode):
                self._socket = socket.socket(fileno=os.dup(descriptor))

    def write(self, data: bytes) -> bool:
        """Write it all, if somebody reads; false when (a part of) it was dropped."""
        until = time.monotonic() + self._patience
        data = b"\n" + data if self._torn else data
        while data:
            try:
                sent = self._put(data)
                data, self._torn = data[sent:], sent < len(data)
            except BlockingIOError:
                if not self._ready(until - time.monotonic()):
                    # Who does not read for so long is not waited for again until there is room.
                    self._patience = 0.0
                    return False
            except OSError:
                # Nobody reads our output any more (the terminal or the pipe is gone): the job matters more.
                return True
        self._patience = PATIENCE
        return True

    def _put(self, data: bytes) -> int:
        if self._socket is not None:
            return self._socket.send(data, socket.MSG_DONTWAIT)
        return os.write(self._own, data)

    def _ready(self, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(self._own, select.POLLOUT)
        return bool(waiting.poll(max(0.0, seconds) * 1000))
