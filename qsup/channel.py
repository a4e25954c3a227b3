"""Lines of JSON between qsup's processes, over a socket that never blocks.

A line is `{"message": "Forked", …fields}`, a message of `qsup.messages`. Unknown kinds and fields are errors:
all processes of one supervisor are of one version.
"""

from __future__ import annotations

import json
import os
import socket

from qsup import orders as orders  # its messages become known to whoever can read a channel
from qsup.messages import Message


def encode(message: Message) -> bytes:
    """The message as its line."""
    names: tuple[str, ...] = message.__slots__
    body = {"message": type(message).__name__} | {name: getattr(message, name) for name in names}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of one line. Raises ValueError for anything else."""
    body = json.loads(line)
    kind = Message.kinds.get(body.pop("message", ""))
    if kind is None:
        raise ValueError(f"not a message: {line[:80]!r}")
    try:
        return kind(**body)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from None


class Channel:
    """A socket that carries lines both ways without ever blocking.

    `receive` returns the complete messages that are there; `closed` turns true at the peer's end. `send` keeps what
    the socket does not take; call `flush` when it is writable.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.closed = False
        self._incoming = b""
        self._outgoing = b""

    def fileno(self) -> int:
        """For select."""
        return self.socket.fileno()

    @property
    def unsent(self) -> int:
        """Bytes waiting for the peer to read."""
        return len(self._outgoing)

    def send(self, message: Message) -> None:
        """Queue and try to send."""
        self._outgoing += encode(message)
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes; a broken peer sets `closed`."""
        while self._outgoing and not self.closed:
            try:
                sent = self.socket.send(self._outgoing)
            except BlockingIOError:
                return
            except OSError:
                self.closed = True
                return
            self._outgoing = self._outgoing[sent:]

    def receive(self) -> list[Message]:
        """All complete messages that can be read now."""
        while not self.closed:
            try:
                data = self.socket.recv(262_144)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.closed = True
            self._incoming += data
        *lines, self._incoming = self._incoming.split(b"\n")
        return [decode(line) for line in lines]

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        self.socket.close()


def inherited(variable: str = "QSUP_CHANNEL") -> Channel:
    """The channel that the parent passed to this process, by the descriptor number in `variable`."""
    return Channel(socket.socket(fileno=int(os.environ.pop(variable))))
