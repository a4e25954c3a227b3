"""What the courier knows between two looks at the database: who has which job, which outcomes are not stored yet.

Messages change it; nothing here waits, asks for the time, or touches PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qsup.courier.claims import Claims
from qsup.courier.deaths import reports_of
from qsup.courier.pace import Pace
from qsup.courier.peers import Peer, Peers
from qsup.courier.ports import Clock
from qsup.courier.record import Pending, Recorder
from qsup.messages import (
    Alive,
    Configure,
    Died,
    Finished,
    Hello,
    Leaving,
    Message,
    Pause,
    Progress,
    Recorded,
    Roster,
    Stop,
)
from qsup.outcome import DONE, Report
from qsup.routing import Routing
from qsup.rows import Key, Step


class Desk:
    """The courier's memory."""

    def __init__(self, clock: Clock, chance: Callable[[], float]) -> None:
        self.clock = clock
        self.peers = Peers()
        self.claims = Claims()
        self.recorder = Recorder(chance)
        self.pace = Pace()
        self.returned: list[str] = []
        """Slots whose worker has said hello or died since the rows that nobody has were last released."""
        self.pending: dict[Key, Pending] = {}
        self.steps: list[Step] = []
        self.config: Configure | None = None
        self.roster_known = False
        self.stopping = False
        self.keeps = False
        """Whether jobs are kept here for workers of pools with `prefetch: 0`, while they are short."""
        self.cleared: list[Peer] = []
        """Workers for which something is kept, and of which an end has just been stored."""
        self.late = 0
        self.late_ends: list[str] = []
        """Those that nobody has told the operator yet."""

    def obey(self, message: Message) -> None:
        """One message of the supervisor's."""
        match message:
            case Configure():
                self._configure(message)
            case Roster():
                self.peers.alive.update(dict(message.workers))
                self.roster_known = True
            case Alive():
                self.peers.alive[message.slot] = message.pid
            case Died():
                self._bury(message)
            case Pause():
                self.claims.paused = message.paused or self.stopping
            case Stop():
                self.stopping = self.claims.paused = True
            case _:
                pass

    def hear(self, peer: Peer, message: Message) -> None:
        """One message of a worker's."""
        peer.stalled = False
        match message:
            case Hello():
                if self.peers.greet(peer, message.slot):
                    self._welcome(peer, message)
            case Finished():
                self._finish(peer, message)
            case Progress():
                self._step(peer, message)
            case Leaving():
                peer.leaving = True
                self.acknowledge(peer)
            case _:
                pass

    def settled(self, keys: Iterable[Key], *, late: bool = False) -> None:
        """These outcomes are stored (or, `late`, were no longer ours): they need not be kept any longer."""
        for key in keys:
            pending = self.pending.pop(key)
            if late and not pending.reply and pending.report.kind not in ("unknown", "released"):
                # One that comes by a Hello may have been stored by the courier before us; `released` ran nothing.
                self.late += 1
                self.late_ends.append(f"job {key[0]}, claim {key[1]} ({pending.report.kind}, by {pending.slot})")
            peer = self.peers.by_slot.get(pending.slot)
            if peer is not None:
                peer.recorded.append(key)
                if peer.kept:
                    self.cleared.append(peer)
                if peer.leaving or pending.reply:
                    self.acknowledge(peer)

    def keep(self, pending: Pending) -> None:
        """An outcome to be stored; the first that was said about a claim counts."""
        self.pending.setdefault(pending.key, pending)

    def acknowledge(self, peer: Peer) -> None:
        """A worker that leaves (or has just come back) waits to hear that its outcomes are stored."""
        for key in peer.recorded:
            peer.channel.send(Recorded(*key))
        peer.recorded.clear()

    def free(self) -> dict[str, list[str]]:
        """The slots that can take a job, by pool."""
        if self.claims.routing is None:
            return {}
        queues = self.claims.routing.queues
        depths: dict[str, int] = {}
        commit = self.claims.cost if self.keeps else None
        for pool in self.claims.pools():
            if few := self.claims.depth(pool):
                depths[pool] = min(few, self.pace.depth(pool, queues[pool].prefetch, commit=commit))
        return self.peers.free(depths, self.clock.now(), [pool for pool in depths if self.strict(pool)])

    def strict(self, pool: str) -> bool:
        """Whether its workers are sent no job before the end of the one before is stored."""
        queues = self.claims.routing.queues if self.claims.routing is not None else {}
        return self.keeps and pool in queues and queues[pool].prefetch == 0

    def ready(self, peer: Peer) -> bool:
        """Whether such a worker may be sent a job: it has none, and all its ends are stored."""
        if peer.at_work or peer.leaving or peer.channel.closed:
            return False
        return all(pending.slot != peer.slot for pending in self.pending.values())

    def listens(self) -> list[str]:
        """The queues that a living worker of ours hears."""
        routing, pools = self.claims.routing, self.peers.pools_alive()
        return [] if routing is None else [name for name in routing.queues if routing.server(name) in pools]

    def _configure(self, message: Configure) -> None:
        routing = Routing.from_dict(message.routing)
        self.config = message
        self.recorder.configure(routing)
        self.claims.configure(routing)
        self.claims.paused = message.paused or self.stopping

    def _welcome(self, peer: Peer, hello: Hello) -> None:
        self.returned.append(peer.slot)
        # What it brings counts; what it was given over an earlier connection and has not begun comes back uncharged.
        left = self.peers.abandoned.pop((peer.slot, peer.pid), {})
        for one in hello.unsent:
            key = (int(one["id"]), int(one["claim"]))
            report = Report(**{name: value for name, value in one.items() if name not in ("id", "claim")})
            self.keep(Pending(key, report, left.pop(key, None), peer.slot, reply=True))
        for key, job in left.items():
            self.keep(Pending(key, Report(kind="released", reason="never begun"), job))

    def _finish(self, peer: Peer, message: Finished) -> None:
        key = (message.id, message.claim)
        job = peer.jobs.pop(key, None)
        now = self.clock.now()
        if job is not None:
            self.pace.saw(peer.pool, now - peer.head_at)
        peer.head_at = now
        if message.kind == "committed":
            peer.recorded.append(key)
            if peer.kept:
                self.cleared.append(peer)
            return
        report = DONE if message.kind == "done" and not message.reason else Report(
            kind=message.kind, after=message.after, reason=message.reason,  # type: ignore[arg-type]  # our own worker
            exception=message.exception, traceback=message.traceback, frame=message.frame,
        )  # fmt: skip
        self.keep(Pending(key, report, job, peer.slot))

    def _step(self, peer: Peer, message: Progress) -> None:
        key = (message.id, message.claim)
        # Progress comes over the connection that the job went over; what was dropped with another one is late.
        if (job := peer.jobs.get(key)) is not None:
            self.steps.append(Step(key, message.percent, message.note, job.type, job.queue))

    def _bury(self, died: Died) -> None:
        peer = self.peers.by_slot.get(died.slot)
        if peer is not None and peer.pid == died.pid:
            # What it had sent before it died is still readable, and counts.
            for message in peer.channel.receive():
                self.hear(peer, message)
        self.returned.append(died.slot)
        jobs = self.peers.died(died.slot, died.pid)
        for key, report in reports_of(died, list(jobs)):
            self.keep(Pending(key, report, jobs.get(key), died.slot))
