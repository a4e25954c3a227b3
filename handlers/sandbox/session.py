"""One connection to the simulated router: TLS, sentences, tags, and the faults that were ordered.

What has no tag is answered in its turn, as librouteros expects; what has one runs beside the others, until its answer,
its /cancel or the end of the connection.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from handlers.sandbox.commands import Commands, Fatal, Over, Reply, Sentence
from handlers.sandbox.faults import CONNECT, Fault, Kind
from handlers.sandbox.tables import Trap
from handlers.sandbox.wire import ReservedByte, encode_sentence, read_sentence

if TYPE_CHECKING:
    from handlers.sandbox.routeros import RouterSimulator

FOR_EVER = float("inf")
LOOK_EVERY = 0.02
"""Seconds between looks whether somebody still waits for an answer."""


class Server(socketserver.ThreadingTCPServer):
    """Takes connections; each has a Session in a thread."""

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128
    router: RouterSimulator


class Session(socketserver.BaseRequestHandler):
    """See the module."""

    server: Server

    def setup(self) -> None:
        """Count it among the router's sessions."""
        self.router = self.server.router
        self.socket: socket.socket = self.request
        self.commands = Commands(self.router)
        self.sending = threading.Lock()
        self.ended = threading.Event()
        self.beside: dict[str, tuple[threading.Thread, threading.Event]] = {}
        self.router.sessions.add(self.socket)

    def handle(self) -> None:
        """Answer until one side has enough."""
        if len(self.router.sessions) > self.router.max_sessions:
            return
        with contextlib.suppress(EOFError, OSError, ReservedByte, Over):
            self._begin(self.router.faults.take(CONNECT))
            while True:
                self._take(Sentence.of(read_sentence(self._read)))

    def finish(self) -> None:
        """Nobody waits any more."""
        self.ended.set()
        for thread, _ in list(self.beside.values()):
            thread.join()
        self.router.sessions.discard(self.socket)
        # A wrapped socket has taken the descriptor away from the one that the server will close.
        self.socket.close()

    def _begin(self, fault: Fault | None) -> None:
        if fault is not None:
            try:
                self._before(fault, self.ended)
            except Fatal as fatal:
                self._end(fatal)
            self._send(b"", fault, self.ended)
        if self.router.tls is None:
            return
        self.router.sessions.discard(self.socket)
        self.socket = self.router.tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.router.sessions.add(self.socket)
        assert isinstance(self.socket, ssl.SSLSocket)  # noqa: S101  as typed
        self.socket.do_handshake()

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return bytes(data)

    def _take(self, sentence: Sentence) -> None:
        if sentence.word == "/cancel":
            self._cancel(sentence)
        elif sentence.tag is None or self.router.tls is not None:
            # OpenSSL lets one thread at a time use a connection, so nothing runs beside a reader of TLS.
            self._answer(sentence, threading.Event())
        else:
            cancelled = threading.Event()
            thread = threading.Thread(target=self._answer_beside, args=(sentence, cancelled))
            self.beside[sentence.tag] = (thread, cancelled)
            thread.start()

    def _cancel(self, sentence: Sentence) -> None:
        wanted = sentence.values.get("tag")
        for tag in [wanted] if wanted is not None else list(self.beside):
            thread, cancelled = self.beside.get(tag, (None, self.ended))
            if thread is not None:
                cancelled.set()
                thread.join()
        self._write(encode_sentence(_tagged(["!done"], sentence)))

    def _answer_beside(self, sentence: Sentence, cancelled: threading.Event) -> None:
        try:
            self._answer(sentence, cancelled)
        except (OSError, Over):
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        finally:
            self.beside.pop(sentence.tag or "", None)

    def _answer(self, sentence: Sentence, cancelled: threading.Event) -> None:
        fault = self.router.faults.take(sentence.word)
        try:
            self._before(fault, cancelled)
            replies = self._replies(sentence, cancelled, fault)
            if sentence.word.endswith("/listen"):
                for reply in replies:
                    self._write(encode_sentence(reply))
            else:
                self._send(b"".join(encode_sentence(reply) for reply in replies), fault, cancelled)
        except Trap as trap:
            self._write(b"".join(encode_sentence(reply) for reply in _refusal(trap, sentence)))
        except Fatal as fatal:
            self._end(fatal)

    def _end(self, fatal: Fatal) -> None:
        self._write(encode_sentence(["!fatal", *fatal.args]))
        raise Over

    def _replies(self, sentence: Sentence, cancelled: threading.Event, fault: Fault | None) -> Iterator[Reply]:
        try:
            if fault is not None and fault.kind is Kind.TRAP:
                raise Trap(fault.texts[0], None, *fault.texts[1:])
            replies = self.commands.do(sentence, lambda seconds: self._wait(seconds, cancelled))
            if fault is not None and fault.kind is Kind.TRAP_AFTER:
                list(replies)
                raise Trap(fault.texts[0], None, *fault.texts[1:])
            for reply in replies:
                yield _tagged(reply, sentence)
        except Trap as trap:
            yield from _refusal(trap, sentence)

    def _before(self, fault: Fault | None, cancelled: threading.Event) -> None:
        match fault.kind if fault else None:
            case Kind.CLOSE_BEFORE:
                raise Over
            case Kind.HANG_BEFORE:
                self._wait(FOR_EVER, cancelled)
            case Kind.FATAL:
                raise Fatal(*(fault.texts if fault and fault.texts else ["router is going down"]))

    def _send(self, data: bytes, fault: Fault | None, cancelled: threading.Event) -> None:
        match fault.kind if fault else None:
            case Kind.DELAY if fault:
                self._wait(fault.seconds, cancelled)
                self._write(data)
            case Kind.DRIP if fault:
                for number in range(len(data)):
                    self._write(data[number : number + 1])
                    self._wait(fault.seconds, cancelled)
            case Kind.HANG_AFTER:
                self._wait(FOR_EVER, cancelled)
            case Kind.HALF:
                self._write(data[: len(data) // 2])
                raise Over
            case Kind.RESET:
                # A linger of 0 seconds makes close() send RST instead of FIN.
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise Over
            case Kind.CLOSE_AFTER:
                raise Over
            case Kind.RAW if fault:
                self._write(fault.raw)
            case _:
                self._write(data)

    def _write(self, data: bytes) -> None:
        with self.sending:
            self.socket.sendall(data)

    def _wait(self, seconds: float, cancelled: threading.Event) -> None:
        """Raises Trap when it was cancelled, Over when nobody waits any more."""
        poll = select.poll()
        poll.register(self.socket.fileno(), select.POLLRDHUP)
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if cancelled.wait(min(LOOK_EVERY, rest)):
                raise Trap("interrupted", 2)
            if self.ended.is_set() or self.router.closing.is_set() or poll.poll(0):
                raise Over


def _tagged(reply: Reply, sentence: Sentence) -> Reply:
    return reply if sentence.tag is None else [reply[0], f".tag={sentence.tag}", *reply[1:]]


def _refusal(trap: Trap, sentence: Sentence) -> Iterator[Reply]:
    for text, category in trap.replies:
        known = [] if category is None else [f"=category={category}"]
        yield _tagged(["!trap", *known, f"=message={text}"], sentence)
    yield _tagged(["!done"], sentence)
