"""How a worker waits: for its courier's lines and for signals."""

from __future__ import annotations

import contextlib
import select
import socket

from qsup.channel import Channel
from qsup.messages import Message


class Waiting:
    """For the courier's lines and for signals, on one connection."""

    ENDED = getattr(select, "POLLRDHUP", select.POLLIN) | select.POLLHUP | select.POLLERR
    """Where the system does not tell the end from more to read, each line may be the last."""

    def __init__(self, channel: Channel, wakeup: socket.socket) -> None:
        self._channel, self._wakeup = channel, wakeup
        self._line, self._signal = channel.fileno(), wakeup.fileno()
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN | self.ENDED)
        self._poll.register(self._signal, select.POLLIN)

    def messages(self, seconds: float) -> list[Message]:
        """What has come within so many seconds; empty also when a signal came."""
        ready = dict(self._poll.poll(seconds * 1000))
        if self._signal in ready:
            drain(self._wakeup)
        found = ready.get(self._line, 0)
        if found & self.ENDED:
            # To the last byte, and what it says then: see Channel.receive.
            return self._channel.receive()
        return self._channel.receive_some() if found else []


def drain(wakeup: socket.socket) -> None:
    """Empty the wake-up pipe; the signal handlers have already noted what it meant."""
    with contextlib.suppress(BlockingIOError):
        while wakeup.recv(64):
            pass
