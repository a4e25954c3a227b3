"""The courier's main thread: it talks to the supervisor, and so answers pings while a query hangs.

The claim loop, the lookout and the house are threads beside it. When the supervisor's end of the channel closes, the
courier claims nothing more and stays until the last worker has reported.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import socket
import threading
import time
from pathlib import Path

from qsup import embedded
from qsup.board import Board
from qsup.channel import Channel
from qsup.courier.duty import Duty
from qsup.courier.house import Housekeeper
from qsup.courier.lookout import Lookout
from qsup.courier.server import Server
from qsup.messages import Alive, Configure, Died, Message, Overdue, Ping, Pong, Ready, Recheck, Stop
from qsup.orders import Obeyed
from qsup.routing import Routing
from qsup.rows import Key
from qsup.rundir import RunDirectory
from qsup.slots import open_turns

HUNG_AFTER = 60.0
"""Seconds in which the claim loop has not turned once: then pings stay unanswered and the supervisor replaces us."""


LOOK_EVERY = 2.0
"""Seconds between looks whether our socket is still where workers look for it."""


class Control:
    """Between the supervisor's channel and the claim loop."""

    def __init__(self, channel: Channel, run: RunDirectory) -> None:
        self.channel, self._run = channel, run
        self.outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._woken, self._waker = socket.socketpair()
        self.server = Server(listen_on(run), Board(run.board), self.tell, open_turns(run))
        self.lookout: Lookout | None = None
        self._dsn = ""
        self._heard_supervisor = time.monotonic()
        self._socket = _identity(run.courier_socket)
        self._look_again = 0.0
        self._orphaned = False
        """Whether our supervisor's end has been noticed: we stay until the last worker has reported."""

    def tell(self, message: Message) -> None:
        """From any thread: a message for the supervisor."""
        self.outbox.put(message)
        self._waker.send(b"1")

    def run(self) -> None:
        """Until the claim loop has ended."""
        loop = threading.Thread(target=self._loop, name="claims")
        loop.start()
        self.tell(Ready())
        while loop.is_alive():
            self._turn()
            self._look_after_ourselves()
        self._send_outbox()
        self._end_lookout()
        self.server.sign_off()

    def _look_after_ourselves(self) -> None:
        if self.lookout is not None and not self.lookout.alive():
            # Nothing would be promoted any more. Its thread has said why; the supervisor starts another.
            os._exit(1)
        if time.monotonic() < self._look_again or self.channel.closed:
            # Without a supervisor nobody new is to come: by that name another courier may listen already.
            return
        self._look_again = time.monotonic() + LOOK_EVERY
        if self._socket != _identity(self._run.courier_socket):
            # Somebody has removed or replaced it: those who are connected stay, but nobody could come.
            with contextlib.suppress(OSError):
                self.server.listener = listen_on(self._run)
                self._socket = _identity(self._run.courier_socket)
                self.server.post("")

    def _loop(self) -> None:
        try:
            self.server.run()
        finally:
            self._waker.send(b"1")

    def _turn(self) -> None:
        # A supervisor that has died reads nothing more: what is still unsent must not keep us turning.
        supervisor = [] if self.channel.closed else [self.channel.socket]
        ready, _, _ = select.select(
            [self._woken, *supervisor], supervisor if self.channel.unsent else [], [], LOOK_EVERY
        )
        if self._woken in ready:
            self._woken.recv(4096)
        self._send_outbox()
        if not self.channel.closed:
            self._hear()
        # A send that failed may have told us before any read did.
        if self.channel.closed and not self._orphaned:
            self._orphaned = True
            self.server.post(Stop())

    def _send_outbox(self) -> None:
        while not self.outbox.empty():
            message = self.outbox.get()
            if not self.channel.closed:
                self.channel.send(message)
        self.channel.flush()

    def _hear(self) -> None:
        for message in self.channel.receive():
            self._heard_supervisor = time.monotonic()
            if isinstance(message, Ping):
                self._answer(message)
                continue
            if isinstance(message, Configure):
                self._configure(message)
            if isinstance(message, Obeyed) and self.lookout is not None:
                self.lookout.heard(message)
                continue
            self.server.post(message)
            if isinstance(message, Alive | Died) and self.lookout is not None:
                self.lookout.look_soon()

    def _answer(self, ping: Ping) -> None:
        if time.monotonic() - self.server.turned_at < HUNG_AFTER:
            self.channel.send(Pong(ping.number, self.server.note()))

    def _configure(self, message: Configure) -> None:
        duty = Duty(
            message.supervisor, Routing.from_dict(message.routing), message.generation, message.config_file,
            self.server.desk.listens, self._supervised, self.tell, lambda: self.server.turned_at,
        )  # fmt: skip
        if self.lookout is not None and message.dsn == self._dsn:
            self.lookout.configure(duty)
            return
        self._end_lookout()
        self._dsn = message.dsn
        if embedded.is_embedded(message.dsn):
            # The embedded server is meant exactly; libpq must not complete its DSN from a shell's PG* variables.
            for name in [name for name in os.environ if name.startswith("PG")]:
                del os.environ[name]
        keeper = Housekeeper(duty, self.server.post, self._outdated, self._overdue)
        self.lookout = lookout = Lookout(message.dsn, keeper, self.server.post)
        self.server.service.on_due = lambda _queue, delay: lookout.scheduled(delay)
        self.server.service.glanced_at = lambda: keeper.glanced_at
        lookout.start()

    def _outdated(self) -> None:
        self.server.post(Recheck())

    def _overdue(self, keys: list[Key]) -> None:
        self.server.post(Overdue([list(key) for key in keys]))

    def _supervised(self) -> bool:
        # It pings every two seconds; one that is silent for ten hangs.
        return self.channel.closed or time.monotonic() - self._heard_supervisor < 10.0

    def _end_lookout(self) -> None:
        if self.lookout is not None:
            self.lookout.end()
            # A heartbeat after the signing off would be that of a ghost, for half a minute.
            self.lookout.join(LOOK_EVERY)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def listen_on(run: RunDirectory) -> socket.socket:
    """The socket where workers find us; a dead courier's is replaced."""
    path = run.courier_socket
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(os.fspath(path))
    path.chmod(0o600)
    sock.listen(1024)
    sock.setblocking(False)
    return sock
