"""A worker as the courier meets it: it reads, marks the board, runs, reports, keeps its outcomes, leaves, dies.

Its memory of outcomes is the real one (qsup.outbox); a job is a few steps long, and anything may happen between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qsup.messages import Awake, Finished, Leaving, Message, Stop, Work
from qsup.outbox import Outbox
from tests.simulation.wire import End

if TYPE_CHECKING:
    from tests.simulation.host import Courier, Host
    from tests.simulation.model import Row


@dataclass(slots=True, eq=False)
class Job:
    """What it is running."""

    work: Work
    plan: str
    deadline: float
    steps: int
    row: Row | None = None
    """Deleted in its open transaction."""


@dataclass(slots=True, eq=False)
class Worker:
    """One process in one slot."""

    host: Host
    slot: str
    pid: int
    wire: End | None = None
    inbox: list[Message] = field(default_factory=list)
    outbox: Outbox = field(default_factory=Outbox)
    job: Job | None = None
    leaving: bool = False
    status: int | None = None
    """Set when it has ended."""
    cause: str = ""
    stopped_until: float = 0.0
    """0: nobody has ever stopped it."""
    told: Courier | None = None
    """Who has been sent its last outcome."""

    def step(self) -> None:
        """The next small thing that it does."""
        world = self.host.world
        if self.status is not None or world.now < self.stopped_until:
            return
        if self.job is not None:
            self._run(self.job)
        elif self.wire is None or self.wire.closed:
            self._connect()
        elif self.leaving:
            self._leave(self.wire)
        elif self.inbox:
            self._handle(self.inbox.pop(0))
        else:
            self.inbox += self.wire.receive()

    def work(self) -> None:
        """All that it can do now."""
        for _ in range(10):
            self.step()
            if self.status is not None or not (self.job or self.inbox):
                return

    def overdue(self) -> bool:
        """Is it alive in a job that should have ended?"""
        return self.status is None and self.job is not None and self.host.world.now >= self.job.deadline

    def kill(self, cause: str = "") -> None:
        """kill -9: the kernel closes its sockets; what it has sent stays readable."""
        self.status, self.cause = -9, cause
        if self.wire is not None:
            self.wire.close()
        if self.job is not None and self.job.row is not None:
            self.host.world.dying.append(self.job.row)

    def _connect(self) -> None:
        self.inbox.clear()
        self.wire = self.host.connect(self.pid)
        if self.wire is not None:
            self.wire.send(self.outbox.hello(self.slot, self.pid))

    def _handle(self, message: Message) -> None:
        self.outbox.heard(message)
        if isinstance(message, Stop):
            self.leaving = True
        if isinstance(message, Work):
            self._begin(message)

    def _begin(self, work: Work) -> None:
        world = self.host.world
        if world.now + work.timeout + work.grace > work.expires:
            self._report(work, "released")
            return
        if work.number and work.number <= self.host.board.revoked.get(self.slot, 0):
            assert self.wire is not None
            self.wire.send(Awake())
            return
        self.host.board.mark(self.slot, self.pid, (work.id, work.claim))
        world.begins(self, work)
        steps = world.chance.choice((1, 1, 2, 3, 8))
        self.job = Job(work, world.plans[work.id], world.now + work.timeout + work.grace, steps)

    def _run(self, job: Job) -> None:
        world = self.host.world
        job.steps -= 1
        if job.steps > 0:
            return
        crashed = (job.work.id, "crash")
        match job.plan:
            case "hang" if job.work.attempt == 1:
                return
            case "crash" if crashed not in world.once:
                world.once.add(crashed)
                self.kill()
            case "error" if job.work.attempt == 1:
                self._finish(job, "error")
            case "transaction":
                self._transaction(job)
            case _:
                self._finish(job, "done")

    def _transaction(self, job: Job) -> None:
        """Its DELETE, then its COMMIT: a step of its own, of which the answer may be lost."""
        world, key = self.host.world, (job.work.id, job.work.claim)
        if job.row is None:
            row = world.tables.rows.get(key[0])
            if row is not None and row.locked is not None:
                return  # DELETE waits for the other transaction
            if row is None or row.claim != key[1]:
                self._finish(job, "done", "superseded")
                return
            row.locked = job.row = row
            job.steps = world.chance.choice((1, 1, 4))
            return
        row, job.row = job.row, None
        if row.locked is not row:
            self._finish(job, "error")  # the server ended it: idle in transaction
            return
        row.locked = None
        fate = world.chance.random() if world.accidents else 1.0
        if fate >= 0.1:
            world.commits(row)
        self._finish(job, "unknown" if fate < 0.2 else "committed")

    def _finish(self, job: Job, kind: str, result: str = "") -> None:
        self.job = None
        self._report(job.work, kind)
        self.host.world.reports(self, job.work, result or kind)

    def _report(self, work: Work, kind: str) -> None:
        assert self.wire is not None
        finished = Finished(work.id, work.claim, kind)
        self.outbox.keep(finished)
        self.wire.send(finished)
        self.told = self.host.courier if not self.wire.closed else None
        self.host.board.mark(self.slot, self.pid, None)

    def _leave(self, wire: End) -> None:
        """Worker.say_goodbye: nothing more is begun, and it stays until its outcomes are known to be stored."""
        for message in [*self.inbox, *wire.receive()]:
            self.outbox.heard(message)
        self.inbox.clear()
        wire.send(Leaving())
        if not self.outbox.unsent:
            wire.close()
            self.status = 0
