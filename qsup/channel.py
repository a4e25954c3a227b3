"""Lines of JSON between qsup's processes, over a socket that never blocks.

A line is `{"message": "Forked", …fields}`, a message of `qsup.messages`. Unknown kinds and fields are errors:
all processes of one supervisor are of one version.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from collections.abc import Callable
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, cast

from qsup import messages, orders
from qsup.messages import Finished, Message, Work

LANGUAGE = (messages, orders)
"""Where the kinds of messages are defined: whoever has a channel knows them all."""
ONE_READ = 32_768
"""Bytes; so many that the C library does not ask the kernel for memory, and give it back, at each read."""
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_decoder = json.JSONDecoder()
WORK = b'{"message":"Work","own":'
TERMS = b',"terms":'
_quoted = json.encoder.encode_basestring_ascii


def encode(message: Message) -> bytes:
    """The message as its line; what is as it is by default is left out."""
    kind = type(message)
    if kind is Work:
        return _work(cast(Work, message))
    if kind is Finished and (plain := _plainly_done(cast(Finished, message))):
        return plain
    body = {"message": kind.__name__}
    names, defaults, values = _shape(kind.__name__)
    for name, default, value in zip(names, defaults, values(message), strict=False):
        if value != default:
            body[name] = value
    return _to_json(body).encode() + b"\n"


@cache
def _shape(kind: str) -> tuple[list[str], list[Any], Callable[[Message], tuple[Any, ...]]]:
    # Names, defaults, and what reads the values (and one more, so that it is a tuple even for one or none). A field
    # that must be given equals nothing, and is always sent.
    fields = dataclasses.fields(cast(Any, Message.kinds[kind]))
    defaults = [one.default if one.default_factory is dataclasses.MISSING else one.default_factory() for one in fields]
    names = [one.name for one in fields]
    return names, defaults, attrgetter(*names, "__class__", "__class__")


def _plainly_done(done: Finished) -> bytes:
    # Nearly all are: with the way around a sixth of the time.
    if done.kind != "done" or done.reason or done.after is not None or done.exception or done.traceback or done.frame:
        return b""
    return b'{"message":"Finished","id":%d,"claim":%d,"kind":"done"}\n' % (done.id, done.claim)


def _work(work: Work) -> bytes:
    # What is the same for all jobs of a class is half of the line: it is written, and read, once.
    same = work.type, work.queue, work.handler, work.tries, work.timeout, work.grace, work.step, work.keep, work.dsn
    recorded = _to_json(work.recorded) if work.recorded else "[]"
    return (
        f'{{"message":"Work","own":[{work.id},{work.claim},{_quoted(work.payload)},{work.attempt},{work.crashes},'
        f'{_quoted(work.error)},{work.number},{work.expires!r},{recorded}],"terms":{_terms(same)}}}\n'
    ).encode()


@lru_cache(maxsize=1024)
def _terms(values: tuple[Any, ...]) -> str:
    return _to_json(values)


@lru_cache(maxsize=1024)
def _read_terms(text: bytes) -> list[Any]:
    return list(_from_json(text))


def _read_work(own: bytes, terms: bytes) -> Work:
    # By place: a call with twenty names takes ten times as long.
    id_, claim, payload, attempt, crashes, error, number, expires, recorded = _from_json(own)
    kind, queue, handler, tries, timeout, grace, step, keep, dsn = _read_terms(terms)
    return Work(
        id_, claim, kind, queue, handler, payload, attempt, tries, crashes, timeout, grace, step, error, keep, number,
        expires, recorded, dsn,
    )  # fmt: skip


def _from_json(line: bytes) -> Any:
    text = line.decode()
    # Not `decode`: it looks for blanks around the value with two regular expressions.
    value, end = _decoder.raw_decode(text)
    if end != len(text):
        raise ValueError(f"more than one value: {line[:80]!r}")
    return value


def decode(line: bytes) -> Message:
    """The message of one line. Raises ValueError for anything else."""
    # In a text the quotes would be escaped.
    own, mark, terms = line.rpartition(TERMS)
    if mark and own.startswith(WORK):
        return _read_work(own[len(WORK) :], terms.removesuffix(b"}"))
    body = _from_json(line)
    kind = Message.kinds.get(body.pop("message", "")) if isinstance(body, dict) else None
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
        self.put(message)
        self.flush()

    def put(self, message: Message) -> None:
        """Queue for the next `flush`."""
        self._outgoing += encode(message)

    def line(self, message: Message) -> bytes:
        """What `put_line` takes: a message can be written before it is to be sent."""
        return encode(message)

    def put_line(self, line: bytes) -> None:
        """Queue what `line` has made of a message."""
        self._outgoing += line

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
        while self._read():
            pass
        return self._complete()

    def receive_some(self) -> list[Message]:
        """What one read brings, for who waits again anyway and has seen that there is something."""
        self._read()
        return self._complete()

    def _read(self) -> bool:
        # Whether there may be more.
        if self.closed:
            return False
        try:
            data = self.socket.recv(ONE_READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self.closed = not data
        self._incoming += data
        return True

    def _complete(self) -> list[Message]:
        *lines, self._incoming = self._incoming.split(b"\n")
        return [decode(line) for line in lines]

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        self.socket.close()


def inherited(variable: str = "QSUP_CHANNEL") -> Channel:
    """The channel that the parent passed to this process, by the descriptor number in `variable`."""
    return Channel(socket.socket(fileno=int(os.environ.pop(variable))))
