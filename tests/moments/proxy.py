"""A proxy in front of PostgreSQL that can refuse, fall silent, cut, and lose the answer to one certain statement.

    proxy.lose(Loss("COMMIT", after="INSERT INTO effects"))        the server has executed it, nobody hears of it
    proxy.lose(Loss("COMMIT", executed=False))                     the server never got it, and nobody hears of that
    proxy.leave() / proxy.come_back()                              connections refused, as while a server is down
    proxy.silent = True                                            packets vanish, as behind a dead cable
    proxy.lingering = True                                         the server does not notice that a client has died

It runs in threads of the test's process and listens on a unix socket, whatever way leads to the server: a TCP port that
is given up for a while may be somebody else's when it is wanted back.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.moments.wire import CANCEL, GSS, SSL, Reader, Statements, is_ready, opening


@dataclass(slots=True)
class Loss:
    """One answer that gets lost: to the first statement with `statement` in its text that fits."""

    statement: str
    parameters: bytes = b""
    """Must be in the message that starts it."""
    answer: bytes = b""
    """Must be in the answer."""
    after: str = ""
    """The connection must have run a statement with this in it before."""
    executed: bool = True
    """Whether the server gets the statement."""
    happened: threading.Event = field(default_factory=threading.Event)

    def meant(self, text: str, message: bytes, history: list[str]) -> bool:
        """Whether it is this statement's answer, if the answer fits too."""
        known = any(self.after in one for one in history)
        return not self.happened.is_set() and self.statement in text and self.parameters in message and known


class Proxy:
    """Listens until `close`."""

    def __init__(self, dsn: str, folder: Path) -> None:
        folder.mkdir()
        said = conninfo_to_dict(dsn)
        host, port = str(said.get("host") or "localhost"), int(said.get("port") or 5432)
        self.server: str | tuple[str, int] = str(Path(host) / f".s.PGSQL.{port}") if host[0] == "/" else (host, port)
        self.silent = self.lingering = False
        self.open: set[Connection] = set()
        self.losses: list[Loss] = []
        self._path = folder / ".s.PGSQL.5432"
        self._listener = self._listen()
        self.dsn = make_conninfo("", user=said["user"], dbname=said["dbname"], host=str(folder), port=5432)

    def lose(self, loss: Loss) -> Loss:
        """From now on; the same Loss, whose `happened` can be waited for."""
        self.losses.append(loss)
        return loss

    def cut(self) -> None:
        """Break every connection."""
        for connection in list(self.open):
            connection.cut()

    def leave(self) -> None:
        """Refuse connections and break those there are."""
        self._listener.close()
        self.cut()

    def come_back(self) -> None:
        """Listen again, at the same place."""
        if self._listener.fileno() < 0:
            self._listener = self._listen()

    def close(self) -> None:
        """At the end, when the clients are gone."""
        self.lingering = False
        self.leave()
        while self.open:
            self.cut()
            time.sleep(0.01)

    def _listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        listener.settimeout(0.05)
        while listener.fileno() >= 0:
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                client.settimeout(None)
                Connection(self, client).start()


class Connection:
    """One client and its way to the server: a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.proxy, self.client = proxy, client
        family = socket.AF_UNIX if isinstance(proxy.server, str) else socket.AF_INET
        self.server = socket.socket(family, socket.SOCK_STREAM)
        self.statements = Statements()
        self.expected: Loss | None = None
        self.held: list[bytes] = []

    def start(self) -> None:
        """Connect, and pass on from now."""
        self.proxy.open.add(self)
        threading.Thread(target=self._live, daemon=True).start()

    def cut(self) -> None:
        """Break both ends."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _live(self) -> None:
        with self.client, self.server, contextlib.suppress(OSError):
            self.server.connect(self.proxy.server)
            other = threading.Thread(target=self._until_broken, args=(self._to_client,), daemon=True)
            other.start()
            self._until_broken(self._to_server)
            other.join()
        self.proxy.open.discard(self)

    def _until_broken(self, way: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):
            way()
        while self.proxy.lingering:
            time.sleep(0.01)
        self.cut()

    def _to_server(self) -> None:
        self._pass_opening()
        reader = Reader()
        while data := self.client.recv(65536):
            for message in reader.feed(data):
                if self._is_lost(message):
                    return
                self._send(self.server, message)

    def _pass_opening(self) -> None:
        while True:
            head = self.client.recv(8, socket.MSG_WAITALL)
            if len(head) < 8:
                raise ConnectionError
            if opening(head) in (SSL, GSS):
                self.client.sendall(b"N")
                continue
            rest = self.client.recv(struct.unpack_from("!i", head)[0] - 8, socket.MSG_WAITALL)
            self._send(self.server, head + rest)
            if opening(head) != CANCEL:
                return

    def _is_lost(self, message: bytes) -> bool:
        text = self.statements.started_by(message)
        history = self.statements.history
        meant = [one for one in self.proxy.losses if text is not None and one.meant(text, message, history)]
        if meant and not meant[0].executed:
            meant[0].happened.set()
            return True
        self.expected = meant[0] if meant else self.expected
        return False

    def _to_client(self) -> None:
        reader = Reader()
        while data := self.server.recv(65536):
            for message in reader.feed(data):
                self.held.append(message)
                if self.expected is not None and not is_ready(message):
                    continue
                if self.expected is not None and self.expected.answer in b"".join(self.held):
                    self.expected.happened.set()
                    return
                self.expected = None
                self._send(self.client, b"".join(self.held))
                self.held.clear()

    def _send(self, end: socket.socket, data: bytes) -> None:
        if not self.proxy.silent:
            end.sendall(data)
