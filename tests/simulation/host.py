"""One machine: its supervisor's few duties, its board, its workers, and the real courier between all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qsup.courier.desk import Desk
from qsup.courier.pace import Pace
from qsup.courier.peers import Peer
from qsup.courier.ports import Busy, Clock
from qsup.courier.rescue import LOOK_EVERY, Watch
from qsup.courier.serve import Service
from qsup.messages import Alive, Configure, Died, Message, Roster
from qsup.rows import Key
from tests.simulation.model import Connection, Lost
from tests.simulation.wire import End, pair
from tests.simulation.worker import Worker

if TYPE_CHECKING:
    from tests.simulation.world import World


class Killed(Exception):
    """The courier dies here."""


@dataclass(slots=True)
class Board:
    """qsup.board: `busy` by slot, and up to which number jobs are taken back."""

    marks: dict[str, tuple[int, Key | None]] = field(default_factory=dict)
    revoked: dict[str, int] = field(default_factory=dict)

    def mark(self, slot: str, pid: int, key: Key | None) -> None:
        """Written by the worker."""
        self.marks[slot] = (pid, key)

    def busy(self) -> list[Busy]:
        """Of qsup.courier.ports.Board."""
        return [Busy(slot, pid, key) for slot, (pid, key) in self.marks.items() if key is not None]

    def take_back(self, slot: str, number: int) -> bool:
        """Of qsup.courier.ports.Board."""
        self.revoked[slot] = max(number, self.revoked.get(slot, 0))
        return True


class Short(Pace):
    """Jobs are taken for short from the first one on: where there is one at a time, others are kept."""

    def depth(self, pool: str, prefetch: int | None, *, commit: float | None = None) -> int:
        """Of Pace."""
        return 4 if prefetch == 0 else super().depth(pool, prefetch, commit=commit)


class Courier:
    """The real desk, service and watch, in the order of qsup.courier.server."""

    def __init__(self, host: Host) -> None:
        self.host = host
        world = host.world
        clock = Clock(lambda: world.now, lambda: world.now)
        self.desk = Desk(clock, world.chance.random)
        self.service = Service(self.desk, host.board, lambda _message: None, takes_back=True)
        if not world.polls:
            self.service.poll = lambda: None  # type: ignore[method-assign]  # what wakes must be enough
        self.desk.pace = Short()
        self.connection = Connection(world.tables, self._fate, self._meanwhile)
        self.up, self.era = False, 0
        self.told: deque[Message] = deque()
        self.overdue: list[Key] = []
        self.notes: deque[str] = deque()
        self.house = House(self)

    def turn(self) -> None:
        """Server.turn."""
        while self.told:
            self.desk.obey(self.told.popleft())
        if self.desk.config is not None:
            self.service.give_back(self.overdue)
            self.overdue.clear()
        while self.notes:
            queue = self.notes.popleft()
            self.desk.claims.wake(queue) if queue else self.desk.claims.wake_all()
        self.desk.peers.drop_strangers(self.host.world.now)
        self._hear()
        if self.desk.config is None or not self._connected():
            return
        try:
            self.service.turn(self.connection)
        except Lost:
            self.service.lost()
            self.up = False

    def _hear(self) -> None:
        for peer in self.desk.peers.known():
            for message in peer.channel.receive():
                self.desk.hear(peer, message)
            if peer.channel.closed:
                self.desk.peers.drop(peer)

    def _meanwhile(self) -> None:
        """Server._meanwhile."""
        self.service.handout.prepare()
        if self.host.world.chance.random() < 0.5:
            self._hear()

    def _connected(self) -> bool:
        if not self.up and not self.host.away():
            self.up, self.era = True, self.host.world.era
            self.service.begin()
        return self.up

    def _fate(self) -> Callable[[], None]:
        """What becomes of a statement: nothing before, nothing after; or the connection, or we ourselves, end there."""
        world = self.host.world
        if self.host.away() or self.era != world.era:
            raise Lost
        if not world.accidents:
            return lambda: None
        fate = world.chance.random()
        if 0.3 < fate < 0.7:
            world.meanwhile()
        self._ends(fate)
        return lambda: self._ends(1.0 - fate)

    def _ends(self, fate: float) -> None:
        if fate < self.host.world.danger / 6:
            raise Lost
        if fate < self.host.world.danger / 4:
            raise Killed

    def may_die(self) -> None:
        """Before it writes to a socket."""
        world = self.host.world
        if world.accidents and world.chance.random() < world.danger / 12:
            raise Killed


class House:
    """The heartbeat, the promotion and the rescue, on a connection of their own."""

    def __init__(self, courier: Courier) -> None:
        self.courier = courier
        self.watch = Watch()
        self.connected_at, self.era = courier.host.world.now, courier.host.world.era
        self.look_at = 0.0

    def turn(self) -> None:
        """Housekeeper.turn."""
        world, us = self.courier.host.world, self.courier.host.supervisor
        if self.courier.host.away():
            self.era = -1
            return
        if self.era != world.era:
            self.connected_at, self.era = world.now, world.era
        world.tables.beats[us] = world.now
        self._wake(world.tables.promote())
        if world.now < self.look_at:
            return
        self.look_at = world.now + LOOK_EVERY
        silent = {one: world.now - beat for one, beat in world.tables.beats.items()}
        found = self.watch.look(us, silent, world.now - self.connected_at)
        if found is not None:
            self._wake(world.tables.rescue(found.alive))
            self.courier.overdue += world.tables.overdue(us)
            for one in found.gone:
                del world.tables.beats[one]

    def _wake(self, queues: set[str]) -> None:
        for queue in queues:
            self.courier.desk.claims.wake(queue)


class Host:
    """One machine."""

    def __init__(self, world: World, name: str, configure: Configure, slots: Sequence[str]) -> None:
        self.world, self.supervisor, self.configure = world, name, configure
        self.board = Board()
        self.slots: dict[str, Worker | None] = dict.fromkeys(slots)
        self.courier: Courier | None = None
        self.unreported: list[Died] = []
        self.frozen_until = 0.0
        self.away_until = 0.0
        """Until then this machine alone does not reach the database."""
        self.excused = False
        """It was frozen or cut off: others may have rescued what it had finished."""
        self.slept = False
        """It was frozen: a job's lease may have ended in the middle of the job."""
        self.lost = False
        """The machine is gone for good."""

    def away(self) -> bool:
        """Is there no way to the database?"""
        return self.world.now < max(self.away_until, self.world.away_until)

    def supervise(self) -> None:
        """The supervisor and the template: whoever is missing is started, whoever died is reported."""
        for slot, worker in self.slots.items():
            if worker is not None and worker.overdue():
                worker.kill("timeout")
            if worker is not None and worker.status is not None:
                self._bury(worker)
            if self.slots[slot] is None:
                self._fork(slot)
        if self.courier is None:
            self.courier = Courier(self)
            roster = [[slot, worker.pid] for slot, worker in self.slots.items() if worker is not None]
            self.courier.told += [self.configure, Roster(roster), *self.unreported]
            self.unreported.clear()

    def connect(self, pid: int) -> End | None:
        """A worker knocks; None while no courier listens."""
        if self.courier is None:
            return None
        ours, theirs = pair()
        ours.before_send = self.courier.may_die
        self.courier.desk.peers.connected.append(Peer(ours, pid, since=self.world.now))
        return theirs

    def kill_courier(self) -> None:
        """kill -9: what was told to it and what workers have sent it is gone."""
        if self.courier is not None:
            for peer in self.courier.desk.peers.connected:
                peer.channel.close()
        self.courier = None

    def turn(self) -> None:
        """A turn of the courier, if it lives; it may die in it."""
        if self.courier is None:
            return
        try:
            self.courier.turn()
        except Killed:
            self.kill_courier()

    def _bury(self, worker: Worker) -> None:
        self.slots[worker.slot] = None
        pid, key = self.board.marks.get(worker.slot, (0, None))
        job, claim = key if key is not None and pid == worker.pid else (0, 0)
        died = Died(worker.slot, worker.pid, worker.status or 0, worker.cause, job, claim)
        if self.courier is None:
            self.unreported.append(died)
        else:
            self.courier.told.append(died)

    def _fork(self, slot: str) -> None:
        pid = self.world.new_pid()
        self.slots[slot] = Worker(self, slot, pid)
        if self.courier is not None:
            self.courier.told.append(Alive(slot, pid))
