"""A connection between a worker and a courier, in memory: each end reads what the other has sent, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from qsup.messages import Message


class End:
    """One end; `Wire` of qsup.courier.ports."""

    def __init__(self) -> None:
        self.closed = False
        self.other: End
        self.arrived: deque[Message] = deque()
        self.before_send: Callable[[], None] = lambda: None
        """A process can be killed here."""

    @property
    def unsent(self) -> int:
        """The socket takes everything at once."""
        return 0

    def fileno(self) -> int:
        """Nobody waits for it."""
        return -1

    def flush(self) -> None:
        """Nothing is left to send."""

    def send(self, message: Message) -> None:
        """It arrives unless the other end is closed."""
        self.before_send()
        if self.other.closed:
            self.closed = True
        elif not self.closed:
            self.other.arrived.append(message)

    def put(self, message: Message) -> None:
        """It is sent with the next flush, or before it."""
        self.send(message)

    def line(self, message: Message) -> Message:
        """Nothing is written."""
        return message

    def put_line(self, line: Message) -> None:
        """It is sent with the next flush, or before it."""
        self.send(line)

    def receive_some(self) -> list[Message]:
        """What one read brings is all."""
        return self.receive()

    def receive(self) -> list[Message]:
        """Everything that has arrived; what was sent before the other end closed is still readable."""
        found = list(self.arrived)
        self.arrived.clear()
        self.closed = self.closed or self.other.closed
        return found

    def close(self) -> None:
        """No more."""
        self.closed = True


def pair() -> tuple[End, End]:
    """The two ends."""
    one, two = End(), End()
    one.other, two.other = two, one
    return one, two
