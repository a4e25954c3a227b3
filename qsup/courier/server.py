"""The courier's loop: workers' sockets on one side, the claim connection on the other.

Each turn: wait, hear, then the database's part. While PostgreSQL is away outcomes are kept and nothing is handed out.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import time
from collections import deque
from collections.abc import Callable

import psycopg

from qsup.board import Board, boottime
from qsup.courier import gather
from qsup.courier.desk import Desk
from qsup.courier.door import accept
from qsup.courier.link import Link
from qsup.courier.pace import SHORT
from qsup.courier.peers import Peer
from qsup.courier.places import Places
from qsup.courier.ports import Clock
from qsup.courier.serve import Service
from qsup.courier.statements import Statements
from qsup.messages import Configure, Message, Overdue, Recheck
from qsup.prepared import readable

CLOCK = Clock(time.monotonic, boottime)
PLENTY = 32
"""Jobs: while every worker that has one has more than so many, nothing waits for us to hear of their ends."""
NAP = 1
"""Milliseconds in which ends are gathered then. The claims are half as many, and a worker's line need not wake us:
10,400 became 12,400 jobs a second with one worker, and 40 microseconds of PostgreSQL's time for each became 22."""


class Server:
    """The claim loop. Other threads talk to it through `post`."""

    def __init__(self, listener: socket.socket, board: Board, tell: Callable[[Message], None], turns: int = -1) -> None:
        self.listener = listener
        self.desk = Desk(CLOCK, random.random)
        self.link = Link(tell, self._notified)
        self.service = Service(self.desk, Places(board, turns), tell, takes_back=turns >= 0)
        self.turned_at = time.monotonic()
        self._watched: tuple[list[int], list[Peer], list[Peer]] = [], [], []
        self._by_descriptor: dict[int, Peer] = {}
        self._ready: list[int] = []
        self._poll, self._urgent, self._answer = select.poll(), select.poll(), select.poll()
        self._posted: deque[Message | str] = deque()
        self._wake, self._wakeup = socket.socketpair()
        self._wake.setblocking(False)
        self._wakeup.setblocking(False)

    def post(self, what: Message | str) -> None:
        """From another thread: a message of the supervisor's, or the name of a queue that may have work."""
        self._posted.append(what)
        with contextlib.suppress(BlockingIOError):
            self._wake.send(b"1")

    def run(self) -> None:
        """Until Stop, and until every outcome that we know is stored and every worker has left."""
        while not (self.desk.stopping and not self.desk.pending and not self.desk.peers.known()):
            self.turn()

    def sign_off(self) -> None:
        """Nothing more comes from us: after `run`, when nobody sends heartbeats any more."""
        if self.desk.config is not None:
            self.link.sign_off(self.desk.config.supervisor)

    def turn(self) -> None:
        """One turn of the loop."""
        self.service.busy_with = "waiting"
        self._wait(self._patience())
        self.turned_at = time.monotonic()
        self._hear_posted()
        self._hear_workers()
        if self.desk.config is None:
            return
        self._gather()
        try:
            if self.link.descriptor in self._ready:
                self.link.hear()
            self._serve()
        except psycopg.Error as error:
            if not error.sqlstate and "out of memory" in str(error):
                # Ours, not the server's: this courier will have no more of it, another one may.
                raise
            # Also a revoked grant or a standby: wait for hands or for the primary, with everything kept.
            self.service.lost()
            self.link.lost(error)

    def note(self) -> str:
        """For people: what it is doing."""
        link = "up" if self.link.up else "away"
        ends = f"{len(self.desk.pending)} outcomes to store, {self.desk.late} came too late"
        return f"{self.service.busy_with}, database {link}, {ends}"

    def _serve(self) -> None:
        if not self.link.up:
            self.service.busy_with = "connecting"
            if not self.link.connect():
                return
            self.service.begin()
        self.service.turn(Statements(self.link.conn, self._meanwhile))
        self.link.proved()

    def _meanwhile(self, descriptor: int) -> None:
        # A statement is on its way: what follows it is written, and who ends now need not be heard behind it.
        self.service.handout.prepare()
        if self.desk.peers.supplied(PLENTY):
            readable(descriptor)
            return
        # It may be a new connection, that `_watch` has not seen.
        self._answer.register(descriptor, select.POLLIN)
        answered = False
        while not answered:
            for one, _ in self._answer.poll():
                answered = answered or one == descriptor
                if one != descriptor:
                    self._hear_meanwhile(one)

    def _hear_meanwhile(self, descriptor: int) -> None:
        peer = self._by_descriptor.get(descriptor)
        if peer is not None and not peer.channel.closed:
            self._hear(peer)
            self.service.heard = True
        if peer is None or peer.channel.closed:
            self._answer.unregister(descriptor)

    def _patience(self) -> float:
        desk = self.desk
        if desk.config is None:
            return 1.0
        if not self.link.up:
            return min(1.0, self.link.patience())
        if desk.pending:
            return 0.0 if self.service.heard else 0.02
        if self.service.more:
            return 0.0
        piles = SHORT if any(desk.peers.keeping()) else 0.25 if desk.peers.piled() else 60.0
        return min(self.service.until_poll(), self.service.until_settling(), piles)

    def _wait(self, seconds: float) -> None:
        peers = self.desk.peers.known()
        blocked = [peer for peer in peers if peer.channel.unsent]
        others = [self.listener.fileno(), self._wakeup.fileno(), *([self.link.descriptor] if self.link.up else [])]
        if (others, peers, blocked) != self._watched:
            self._watch(others, peers, blocked)
        if self.desk.peers.supplied(PLENTY):
            self._urgent.poll(NAP)
        # Rounded up: rounded down, the last millisecond before a deadline would be a busy loop.
        self._ready = [descriptor for descriptor, _ in self._poll.poll(int(max(0.0, seconds) * 1000) + (seconds > 0))]
        if self._wakeup.fileno() in self._ready:
            with contextlib.suppress(BlockingIOError):
                while len(self._wakeup.recv(4096)) == 4096:
                    pass

    def _watch(self, others: list[int], peers: list[Peer], blocked: list[Peer]) -> None:
        self._watched = others, peers, blocked
        self._by_descriptor = {peer.channel.fileno(): peer for peer in peers}
        self._poll, self._urgent = select.poll(), select.poll()
        self._answer = select.poll()
        for descriptor in self._by_descriptor:
            self._answer.register(descriptor, select.POLLIN)
        for descriptor in others:
            self._urgent.register(descriptor, select.POLLIN)
        for descriptor in (*others, *self._by_descriptor):
            self._poll.register(descriptor, select.POLLIN)
        for peer in blocked:
            self._poll.register(peer.channel.fileno(), select.POLLIN | select.POLLOUT)

    def _notified(self, note: psycopg.Notify) -> None:
        self.desk.claims.wake(note.payload)

    def _hear_posted(self) -> None:
        while self._posted:
            message = self._posted.popleft()
            if isinstance(message, str):
                # An empty name: notifications may have been missed.
                self.desk.claims.wake(message) if message else self.desk.claims.wake_all()
                continue
            if isinstance(message, Configure) and (self.desk.config is None or self.desk.config.dsn != message.dsn):
                self.link.use(message.dsn, message.supervisor)
                self.service.lost()
            if isinstance(message, Overdue):
                self.service.give_back((job, claim) for job, claim in message.keys)
                continue
            if isinstance(message, Recheck):
                self.link.close()
                self.service.lost()
                continue
            self.desk.obey(message)

    def _gather(self) -> None:
        desk, cost = self.desk, self.desk.claims.cost
        until = time.monotonic() + gather.patience(cost)
        # Nobody waits when there is anything else: a notification, the supervisor, a new worker.
        while self._by_descriptor.keys() >= set(self._ready) and (now := time.monotonic()) < until:
            if not gather.worth(len(desk.pending), desk.peers.connected, desk.pace, cost, now):
                return
            time.sleep(gather.patience(cost) / gather.STEPS)
            self._ready = [descriptor for descriptor, _ in self._poll.poll(0)]
            self._hear_workers()

    def _hear_workers(self) -> None:
        if self.listener.fileno() in self._ready:
            while (peer := accept(self.listener)) is not None:
                self.desk.peers.connected.append(peer)
        self.desk.peers.drop_strangers(time.monotonic())
        for peer in [self._by_descriptor[one] for one in self._ready if one in self._by_descriptor]:
            self._hear(peer)

    def _hear(self, peer: Peer) -> None:
        if peer.channel.unsent:
            peer.channel.flush()
        for message in peer.channel.receive_some():
            self.desk.hear(peer, message)
        if peer.channel.closed:
            self.desk.peers.drop(peer)
