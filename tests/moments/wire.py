"""PostgreSQL's wire protocol, as far as a proxy must understand it: where messages end, and which statement runs.

Pure: bytes in, messages out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

SSL, CANCEL, GSS = 80877103, 80877102, 80877104
"""What stands in place of a protocol version in a request without a type byte."""


@dataclass(slots=True)
class Reader:
    """Cuts a stream of one direction into messages."""

    buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete now, each with its type byte and length."""
        self.buffer += data
        while len(self.buffer) >= 5:
            end = 1 + struct.unpack_from("!i", self.buffer, 1)[0]
            if len(self.buffer) < end:
                return
            message = bytes(self.buffer[:end])
            del self.buffer[:end]
            yield message


@dataclass(slots=True)
class Statements:
    """Which statement each message of a client starts; a prepared one is known by its name later."""

    prepared: dict[bytes, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    """All that were started on this connection."""

    def started_by(self, message: bytes) -> str | None:
        """The text of the statement that this message starts, if it starts one."""
        kind, body = message[:1], message[5:]
        found = None
        if kind == b"Q":
            found = body.rstrip(b"\0").decode()
        elif kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self.prepared[name] = text.decode()
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            found = self.prepared[name]
        if found is not None:
            self.history.append(found)
        return found


def is_ready(message: bytes) -> bool:
    """ReadyForQuery: the server has answered all that it was asked."""
    return message[:1] == b"Z"


def opening(data: bytes) -> int:
    """The version or request code of a first message."""
    code: int = struct.unpack_from("!i", data, 4)[0]
    return code
