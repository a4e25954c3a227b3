"""One place to wait: sockets and a pipe that signals and threads write to.

A signal handler that only sets a flag does not wake a blocked wait (measured), so every signal is a byte on the pipe.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterable
from contextlib import suppress

from qsup import setsignal


class WakePipe:
    """Signals become bytes; anything else that wants the loop's attention calls `ring`."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        os.set_blocking(self.read, False)
        os.set_blocking(self.write, False)
        self._caught: tuple[signal.Signals, ...] = ()

    def catch(self, *signals: signal.Signals) -> None:
        """From now on these signals only ring, as their number."""
        self._caught += signals
        signal.set_wakeup_fd(self.write, warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda *_: None)

    def ring(self) -> None:
        """Wake the loop; from any thread. A full pipe wakes it anyway."""
        with suppress(BlockingIOError):
            os.write(self.write, b"\0")

    def heard(self) -> list[int]:
        """The numbers of the signals that came since the last call, in order."""
        try:
            return [number for number in os.read(self.read, 4096) if number]
        except BlockingIOError:
            return []

    def forget(self) -> None:
        """In a forked child, or at the end: default signals, and the pipe closed."""
        signal.set_wakeup_fd(-1)
        for number in self._caught:
            setsignal.signal(number, setsignal.SIG_DFL)
        os.close(self.read)
        os.close(self.write)


def wait(readers: Iterable[int], writers: Iterable[int], timeout: float | None) -> None:
    """Return when one of the descriptors is ready, or after `timeout` seconds."""
    poll = select.poll()
    for descriptor in readers:
        poll.register(descriptor, select.POLLIN)
    for descriptor in writers:
        poll.register(descriptor, select.POLLIN | select.POLLOUT)
    # Rounded up: rounded down, the last millisecond before a deadline would be a busy loop.
    poll.poll(None if timeout is None else int(max(0.0, timeout) * 1000) + 1)
