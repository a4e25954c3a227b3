"""What workers are handed, what is kept for them until their last end is stored, and what is taken back from them."""

from __future__ import annotations

from collections.abc import Iterable

from qsup.courier.desk import Desk
from qsup.courier.pace import LONG, SHORT
from qsup.courier.peers import Kept, Peer
from qsup.courier.ports import Board, Busy
from qsup.courier.record import Pending, hook_rules
from qsup.messages import Configure, Work
from qsup.outcome import Report
from qsup.routing import Routing
from qsup.rows import Claimed, Key

UNROUTED_WAIT = 30.0
"""Seconds until a job whose class no file routes is looked at again, uncharged."""
RAN_LONG = "the job before it ran long"
NOT_STORED = "the end of the job before it could not be stored"
STALLED = 5.0
"""Seconds in which a worker must have begun what it was handed; a busy machine may take one."""


class Handout:
    """Between the claims and the workers' sockets."""

    def __init__(self, desk: Desk, board: Board, *, takes_back: bool) -> None:
        self.desk = desk
        self.board = board
        self._takes_back = takes_back
        """Whether a job that waits in a worker's socket may be taken back: then each is handed out with a number."""
        # Rises over all couriers of one boot: a revocation by an earlier one never meets a new job.
        self._number = int(desk.clock.boot() * 1_000_000)

    @property
    def config(self) -> Configure:
        """What we were told to serve."""
        assert self.desk.config is not None  # noqa: S101  nobody serves before Configure
        return self.desk.config

    @property
    def routing(self) -> Routing:
        """All rules that we know."""
        assert self.desk.recorder.routing is not None  # noqa: S101  nobody serves before Configure
        return self.desk.recorder.routing

    def busy(self) -> list[Busy]:
        """What living workers are at. A record that a dead one has left behind names nothing."""
        alive = self.desk.peers.alive
        return [one for one in self.board.busy() if alive.get(one.slot) == one.pid]

    def give(self, claimed: Iterable[Claimed], leased: float) -> None:
        """Hand out what a claim brought, that was sent at `leased`; send to each worker once."""
        for peer in dict.fromkeys([self._give(job, leased) for job in claimed]):
            if peer is not None:
                peer.channel.flush()

    def go_on(self) -> None:
        """Workers whose last end is stored now: each gets the next of what is kept for it."""
        desk = self.desk
        while desk.cleared:
            peer = desk.cleared.pop()
            while peer.kept and desk.ready(peer):
                if self._send(peer, peer.kept.popleft()):
                    peer.channel.flush()

    def _give(self, job: Claimed, leased: float) -> Peer | None:
        # Who has got it; behind another job it is still to be sent.
        peer = self.desk.peers.by_slot.get(job.slot)
        if peer is None or peer.channel.closed:
            self.desk.keep(Pending(job.key, Report(kind="released", reason="its worker was gone"), job))
            return None
        strict = self.desk.strict(peer.pool)
        at_once = self.desk.ready(peer) if strict else not peer.jobs
        peer.jobs[job.key] = job
        if strict and not at_once:
            peer.kept.append(Kept(job, leased))
            return None
        if not self._send(peer, Kept(job, leased)):
            return None
        if at_once:  # it is to begin while the others' lines are written
            peer.channel.flush()
        return peer

    def _send(self, peer: Peer, kept: Kept) -> bool:
        if kept.line is None:
            self._write(peer, kept, peer.recorded)
        if kept.line is None:
            job = peer.jobs.pop(kept.job.key)
            self.desk.keep(Pending(job.key, self._no_handler(job), job))
            return False
        if peer.at_work == 1:
            peer.head_at = self.desk.clock.now()
        peer.last = kept.number
        peer.channel.put_line(kept.line)
        peer.recorded.clear()
        return True

    def prepare(self) -> None:
        """Write what workers get next whose ends are being stored just now: it is sent as soon as they are."""
        pendings = self.desk.pending.values()
        for pending in pendings:
            peer = self.desk.peers.by_slot.get(pending.slot)
            if peer is not None and peer.kept and not peer.at_work and peer.kept[0].line is None:
                # It has nothing that it could still report, and is sent this line when all of these are stored.
                ends = [one.key for one in pendings if one.slot == peer.slot]
                self._write(peer, peer.kept[0], [*peer.recorded, *ends])

    def _write(self, peer: Peer, kept: Kept, recorded: list[Key]) -> None:
        kept.line, handler = None, self._handler(kept.job)
        if handler is None:
            return
        if self._takes_back:
            self._number += 1
            kept.number = self._number
        kept.line = peer.channel.line(self._work(kept, handler, recorded))

    def _no_handler(self, job: Claimed) -> Report:
        if job.step == "failed" and job.type in self.routing.routes:
            # The job is in failed_jobs already; only its hook ends here.
            return Report(kind="discard", reason="its failed hook is not run: queues.yaml names none any more")
        reason = f"no queues.yaml that this supervisor has seen routes {job.type}"
        return Report(kind="unrouted", after=UNROUTED_WAIT, reason=reason)

    def _handler(self, job: Claimed) -> str | None:
        route = self.routing.routes.get(job.type)
        return None if route is None else (route.failed if job.step == "failed" else route.handler)

    def _work(self, kept: Kept, handler: str, recorded: list[Key]) -> Work:
        job = kept.job
        rules = self.desk.recorder.rules(job)
        rules = hook_rules(rules) if job.step == "failed" else rules
        return Work(
            id=job.id, claim=job.claim, type=job.type, queue=job.queue, handler=handler, payload=job.payload,
            attempt=job.attempts, tries=rules.tries, crashes=job.crashes, timeout=rules.timeout, grace=rules.grace,
            step=job.step, error=job.error or "", keep=rules.keep > 0, dsn=self.config.dsn,
            # From before the claim was sent: its answer may have taken as long as the host was asleep.
            expires=kept.leased + rules.lease,
            number=kept.number, recorded=[list(key) for key in recorded],
        )  # fmt: skip

    def let_go(self) -> None:
        """What is kept for a worker whose job runs long, or whose end cannot be stored, is free for the others.

        Behind the hearing: who has ended meanwhile has been heard, however long the last commit took.
        """
        now = self.desk.clock.now()
        for peer in self.desk.peers.keeping():
            limit, why = (SHORT, RAN_LONG) if peer.at_work else (LONG, NOT_STORED)
            if now - peer.head_at > limit:
                self.desk.pace.forget(peer.pool)
                self._release(peer, [kept.job for kept in peer.kept], why)

    def take_back(self) -> None:
        """What waits in sockets behind a long job, or of a worker that does not begin it."""
        self._take_back_piles()
        self._take_back_unbegun()

    def _take_back_piles(self) -> None:
        for peer in self.desk.peers.piled_up(self.desk.clock.now(), LONG):
            self.desk.pace.forget(peer.pool)
            if self.board.take_back(peer.slot, peer.last):
                self._took_back(peer, RAN_LONG)

    def _take_back_unbegun(self) -> None:
        # A worker that is stopped between two jobs would keep the next one for as long as it is stopped.
        if not self._takes_back or not (peers := self.desk.peers.unbegun(self.desk.clock.now(), STALLED)):
            return
        # Between two jobs the board still names the first one, of which we have heard the end.
        at_work = {one.key for one in self.busy()}
        for peer in peers:
            if at_work & peer.jobs.keys():
                peer.looked = peer.last
            elif self.board.take_back(peer.slot, peer.last):
                peer.looked, peer.stalled = peer.last, True
                self._took_back(peer, "its worker did not begin it")

    def _took_back(self, peer: Peer, why: str) -> None:
        # Of what it has, only the job that the board names was begun, and nothing else will be.
        begun = {one.key for one in self.board.busy() if one.slot == peer.slot}
        # What ended before that look was sent before it, and counts.
        for message in peer.channel.receive():
            self.desk.hear(peer, message)
        self._release(peer, [job for key, job in peer.jobs.items() if key not in begun], why)

    def _release(self, peer: Peer, jobs: list[Claimed], why: str) -> None:
        peer.kept.clear()
        for job in jobs:
            self.desk.keep(Pending(job.key, Report(kind="released", reason=why), peer.jobs.pop(job.key), peer.slot))
