"""The database's part of a turn of the courier: settle, record, claim, hand out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qsup.courier.desk import Desk
from qsup.courier.pace import LONG
from qsup.courier.peers import Peer
from qsup.courier.ports import Board, Busy, Database
from qsup.courier.record import Pending, hook_rules, record, resolve
from qsup.messages import Applied, Configure, Message, Say, Work
from qsup.outcome import Report
from qsup.routing import Routing, poll_interval
from qsup.rows import Claimed, Key

UNROUTED_WAIT = 30.0
"""Seconds until a job whose class no file routes is looked at again, uncharged."""
SETTLE_EVERY = 0.1
"""Seconds between looks at rows that a dying transaction still holds, after a new connection."""
POLL_ANYWAY = 5.0
"""Seconds after which the claim loop asks although nothing seems to be there: a right that is missing shows only so."""
STALLED = 5.0
"""Seconds in which a worker must have begun what it was handed; a busy machine may take one."""


class Service:
    """Works on an open connection; what that raises when it is lost goes through, and `lost` is called."""

    def __init__(self, desk: Desk, board: Board, tell: Callable[[Message], None], *, takes_back: bool) -> None:
        self.desk = desk
        self.board = board
        self.tell = tell
        self._takes_back = takes_back
        """Whether a job that waits in a worker's socket may be taken back: then each is handed out with a number."""
        # Rises over all couriers of one boot: a revocation by an earlier one never meets a new job.
        self._number = int(desk.clock.boot() * 1_000_000)
        self.on_due: Callable[[str, float], None] = lambda _queue, _delay: None
        self.glanced_at: Callable[[], float] = lambda: -60.0
        """When somebody else last looked which queues have ready rows; as long as that goes on we need not poll."""
        self.settled = False
        self.more = False
        """Whether another turn is to follow at once."""
        self.busy_with = "waiting"
        self._applied = 0
        self._polled_at = 0.0
        self._settle_at = 0.0
        self._unheard: set[str] = set()
        self._overdue: set[Key] = set()

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

    def lost(self) -> None:
        """The connection is gone, and with it the certainty who has what."""
        self.settled = False

    def begin(self) -> None:
        """A new connection: nothing of what we told the old one is certain."""
        self.settled, self._applied = False, 0
        self.desk.claims.forget_waiting()

    def turn(self, database: Database) -> None:
        """Record what is pending and claim for who is free."""
        self.busy_with = "recording"
        self._apply(database)
        self._progress(database)
        if self._overdue:
            self._give_back()
        self._record(database)
        self._settle(database)
        self._release_returned(database)
        self.busy_with = "claiming"
        more = self._claim_all(database)
        self.more = self._announce(database) or more
        # Behind the claim, which idle workers wait for: each line before it runs on cold caches.
        self._take_back_piles()
        self._take_back_unbegun()
        self.poll()
        self._tell_late_ends()

    def poll(self) -> None:
        """Look at every queue again, if it is time and nobody else looks."""
        if self.until_poll() <= 0:
            self._polled_at = self._now()
            self.desk.claims.wake_all()
            self.more = True

    def until_poll(self) -> float:
        """Seconds until `poll` may have something to do."""
        now, interval = self._now(), self.poll_interval()
        quiet, unseen = now - self._polled_at, now - self.glanced_at()
        return max(0.0, min(POLL_ANYWAY - quiet, max(interval - quiet, 2 * interval - unseen)))

    def _tell_late_ends(self) -> None:
        while self.desk.late_ends:
            end = self.desk.late_ends.pop()
            self.tell(Say(f"a late end changed nothing: {end}; the job had ended or was taken over before"))

    def poll_interval(self) -> float:
        """Seconds: the guarantee behind the notifications, over all queues that we serve."""
        return poll_interval(self.routing.queues[name] for name in self.desk.claims.served())

    def _apply(self, database: Database) -> None:
        if self._applied != self.config.generation:
            database.apply(Routing.from_dict(self.config.routing), self.config.supervisor)
            self._applied = self.config.generation
            self.tell(Applied(self._applied))

    def until_settling(self) -> float:
        """Seconds until it makes sense to look again whether everybody is accounted for."""
        return 60.0 if self.settled else max(0.0, self._settle_at - self._now())

    def _settle(self, database: Database) -> None:
        # Release what nobody has. What a living worker has is known by its hello: until then its slot is left out. One
        # that is in the middle of a long job, or stopped (SIGSTOP), holds up nobody else.
        if self.settled or not self.desk.roster_known or self._now() < self._settle_at:
            return
        self._unheard = set(self.desk.peers.alive) - set(self.desk.peers.by_slot)
        skip = sorted(self._unheard)
        self.settled = database.release_unnamed(self.config.supervisor, self._named(), skip=skip)
        self._settle_at = self._now() + SETTLE_EVERY
        self.desk.returned.clear()
        self.desk.claims.wake_all()

    def _busy(self) -> list[Busy]:
        # A record that a dead worker has left behind names nothing.
        alive = self.desk.peers.alive
        return [one for one in self.board.busy() if alive.get(one.slot) == one.pid]

    def _named(self) -> list[Key]:
        return [*(one.key for one in self._busy()), *self.desk.peers.given(), *self.desk.pending]

    def _release_returned(self, database: Database) -> None:
        # A worker that had not said hello when we settled has come back with all that it has, or is dead.
        while self.settled and self.desk.returned:
            slot = self.desk.returned.pop()
            if slot in self._unheard:
                self._unheard.discard(slot)
                self.settled = database.release_unnamed(self.config.supervisor, self._named(), only=slot)
                self.desk.claims.wake_all()

    def give_back(self, keys: Iterable[Key]) -> None:
        """Claims of ours whose lease is over: those that nobody has are released. The net below all other rules."""
        self._overdue.update(keys)

    def _give_back(self) -> None:
        # Only now, when everything that workers have said is heard. What one had over an earlier connection does not
        # count any more: should it ever come back, it is late.
        peers = self.desk.peers
        held = {one.key for one in self._busy()} | peers.connected_with() | set(self.desk.pending)
        for key in self._overdue - held:
            peers.forget(key)
            lost = Report(kind="released", reason="its lease is over, and no worker has it")
            self.desk.keep(Pending(key, lost, None))
        self._overdue.clear()

    def _progress(self, database: Database) -> None:
        if self.desk.steps:
            database.progress(self.desk.steps)
            self.desk.steps.clear()

    def _record(self, database: Database) -> None:
        if not self.desk.pending:
            return
        # Nearly all are done, and need no decision: they only ride with the next claim.
        done, others = self.desk.recorder.divide(self.desk.pending.values())
        if others:
            done += self._record_others(database, others)
        if done:
            self._claim(database, done)

    def _record_others(self, database: Database, pendings: list[Pending]) -> list[Key]:
        known = resolve(database, pendings)
        self.desk.settled({one.key for one in pendings} - {one.key for one in known}, late=True)
        sorted_ = self.desk.recorder.sort(known)
        done, sorted_.done = sorted_.done, []
        stored = record(database, sorted_)
        self.desk.settled(stored.settled)
        for queue in stored.ready:
            self.desk.claims.wake(queue)
        for queue, delay in stored.due:
            self.on_due(queue, delay)
        return done

    def _claim_all(self, database: Database) -> bool:
        # Whether there may be more. All queues of a pool are looked at before the poll makes the first count as full
        # again: with a database slower than the poll the last ones would never have their turn.
        return all(self._claim(database, []) for _ in self.desk.claims.lines)

    def _claim(self, database: Database, done: list[Key]) -> bool:
        begin, leased = self._now(), self.desk.clock.boot()
        wants = self.desk.claims.wants(self.desk.free(), begin) if self.desk.roster_known else []
        if not wants and not done:
            return False
        ended, claimed = database.claim_and_record(self.config.supervisor, done, wants, self.desk.recorder.timeouts)
        now = self._now()
        self.desk.claims.took(wants, claimed, now, now - begin)
        self.desk.settled([key for key in done if key[0] in ended])
        for peer in dict.fromkeys([self._hand_out(job, leased) for job in claimed]):
            if peer is not None:
                peer.channel.flush()
        if unended := [key for key in done if key[0] not in ended]:
            self.desk.settled(set(unended) - set(database.lookup(unended)), late=True)
        return True

    def _take_back_piles(self) -> None:
        for peer in self.desk.peers.piled_up(self._now(), LONG):
            self.desk.pace.forget(peer.pool)
            if self.board.take_back(peer.slot, peer.last):
                self._took_back(peer, "the job before it ran long")

    def _take_back_unbegun(self) -> None:
        # A worker that is stopped between two jobs would keep the next one for as long as it is stopped.
        if not self._takes_back or not (peers := self.desk.peers.unbegun(self._now(), STALLED)):
            return
        # Between two jobs the board still names the first one, of which we have heard the end.
        at_work = {one.key for one in self._busy()}
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
        for key in [key for key in peer.jobs if key not in begun]:
            waited = Report(kind="released", reason=why)
            self.desk.keep(Pending(key, waited, peer.jobs.pop(key), peer.slot))

    def _now(self) -> float:
        return self.desk.clock.now()

    def _hand_out(self, job: Claimed, leased: float) -> Peer | None:
        # Who has got it; behind another job it is still to be sent.
        peer = self.desk.peers.by_slot.get(job.slot)
        handler = self._handler(job)
        if handler is None:
            self.desk.keep(Pending(job.key, self._no_handler(job), job))
            return None
        if peer is None or peer.channel.closed:
            self.desk.keep(Pending(job.key, Report(kind="released", reason="its worker was gone"), job))
            return None
        idle = peer.given(job, self._now())
        if self._takes_back:
            self._number += 1
            peer.last = self._number
        peer.channel.put(self._work(job, handler, leased, peer))
        peer.recorded.clear()
        if idle:  # it is to begin while the others' lines are written
            peer.channel.flush()
        return peer

    def _no_handler(self, job: Claimed) -> Report:
        if job.step == "failed" and job.type in self.routing.routes:
            # The job is in failed_jobs already; only its hook ends here.
            return Report(kind="discard", reason="its failed hook is not run: queues.yaml names none any more")
        reason = f"no queues.yaml that this supervisor has seen routes {job.type}"
        return Report(kind="unrouted", after=UNROUTED_WAIT, reason=reason)

    def _handler(self, job: Claimed) -> str | None:
        route = self.routing.routes.get(job.type)
        return None if route is None else (route.failed if job.step == "failed" else route.handler)

    def _work(self, job: Claimed, handler: str, leased: float, peer: Peer) -> Work:
        rules = self.desk.recorder.rules(job)
        rules = hook_rules(rules) if job.step == "failed" else rules
        return Work(
            id=job.id, claim=job.claim, type=job.type, queue=job.queue, handler=handler, payload=job.payload,
            attempt=job.attempts, tries=rules.tries, crashes=job.crashes, timeout=rules.timeout, grace=rules.grace,
            step=job.step, error=job.error or "", keep=rules.keep > 0, dsn=self.config.dsn,
            # From before the claim was sent: its answer may have taken as long as the host was asleep.
            expires=leased + rules.lease,
            number=peer.last, recorded=[list(key) for key in peer.recorded],
        )  # fmt: skip

    def _announce(self, database: Database) -> bool:
        # Say which queues we sleep on; then a turn must follow: a dispatch in between did not know that we wait.
        claims = self.desk.claims
        if sleepers := claims.sleepers():
            database.wait_for(self.config.supervisor, sleepers)
            claims.told(sleepers, waiting=True)
        if busy := claims.busy():
            database.stop_waiting(self.config.supervisor, busy)
            claims.told(busy, waiting=False)
        return bool(sleepers or busy)
