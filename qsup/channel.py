"""Lines of JSON between qsup's processes, over a socket that never blocks.

A line is `{"message": "Forked", …fields}`, a message of `qsup.messages`. Unknown kinds and fields are errors:
all processes of one supervisor are of one version.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from functools import cache
from typing import Any, cast

from qsup import messages, orders
from qsup.messages import Message

LANGUAGE = (messages, orders)
"""Where the kinds of messages are defined: whoever has a channel knows them all."""
ONE_READ = 32_768
"""Bytes; so many that the C library does not ask the kernel for memory, and give it back, at each read."""
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_from_json = json.JSONDecoder().decode


def encode(message: Message) -> bytes:
    """The message as its line; what is as it is by default is left out."""
    kind = type(message)
    body = {"message": kind.__name__}
    for name, default in _fields(kind.__name__):
        value = getattr(message, name)
        if value != default:
            body[name] = value
    return _to_json(body).encode() + b"\n"


@cache
def _fields(kind: str) -> list[tuple[str, Any]]:
    # One that must be given equals nothing, and is always sent.
    return [
        (one.name, one.default if one.default_factory is dataclasses.MISSING else one.default_factory())
        for one in dataclasses.fields(cast(Any, Message.kinds[kind]))
    ]


def decode(line: bytes) -> Message:
    """The message of one line. Raises ValueError for anything else."""
    body = _from_json(line.decode())
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
        """All complete messages that can be read now.

        To the last byte: with the end behind it, what a dead courier has sent is not to be begun.
        """
        while not self.closed:
            try:
                data = self.socket.recv(ONE_READ)
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
