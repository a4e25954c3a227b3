"""The database's part of a turn of the courier: settle, record, claim, hand out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qsup.courier.desk import Desk
from qsup.courier.handout import Handout
from qsup.courier.ports import Board, Database
from qsup.courier.record import Pending, record, resolve
from qsup.messages import Applied, Configure, Message, Say
from qsup.outcome import Report
from qsup.routing import Routing, poll_interval
from qsup.rows import Claimed, Key, Want

SETTLE_EVERY = 0.1
"""Seconds between looks at rows that a dying transaction still holds, after a new connection."""
POLL_ANYWAY = 5.0
"""Seconds after which the claim loop asks although nothing seems to be there: a right that is missing shows only so."""


class Service:
    """Works on an open connection; what that raises when it is lost goes through, and `lost` is called."""

    def __init__(self, desk: Desk, board: Board, tell: Callable[[Message], None], *, takes_back: bool) -> None:
        self.desk = desk
        self.tell = tell
        self.handout = Handout(desk, board, takes_back=takes_back)
        desk.keeps = takes_back
        self.on_due: Callable[[str, float], None] = lambda _queue, _delay: None
        self.glanced_at: Callable[[], float] = lambda: -60.0
        """When somebody else last looked which queues have ready rows; as long as that goes on we need not poll."""
        self.settled = False
        self.more = False
        """Whether another turn is to follow at once."""
        self.heard = False
        """Whether workers have said something while a statement of this turn was on its way."""
        self.busy_with = "waiting"
        self._applied = 0
        self._polled_at = 0.0
        self._settle_at = 0.0
        self._unheard: set[str] = set()
        self._overdue: set[Key] = set()

    @property
    def config(self) -> Configure:
        """What we were told to serve."""
        return self.handout.config

    def lost(self) -> None:
        """The connection is gone, and with it the certainty who has what."""
        self.settled = False

    def begin(self) -> None:
        """A new connection: nothing of what we told the old one is certain."""
        self.settled, self._applied = False, 0
        self.desk.claims.forget_waiting()

    def turn(self, database: Database) -> None:
        """Record what is pending and claim for who is free."""
        self.busy_with, self.heard = "recording", False
        self._apply(database)
        self.handout.let_go()
        self._progress(database)
        if self._overdue:
            self._give_back()
        self._record(database)
        self.handout.go_on()
        self._settle(database)
        self._release_returned(database)
        self.busy_with = "claiming"
        more = self._claim_all(database)
        self.more = self._announce(database) or more
        # Behind the claim, which idle workers wait for: each line before it runs on cold caches.
        self.handout.take_back()
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
        return poll_interval(self.handout.routing.queues[name] for name in self.desk.claims.served())

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

    def _named(self) -> list[Key]:
        return [*(one.key for one in self.handout.busy()), *self.desk.peers.given(), *self.desk.pending]

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
        held = {one.key for one in self.handout.busy()} | peers.connected_with() | set(self.desk.pending)
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
        ended, claimed = self._ask(database, done, wants)
        now = self._now()
        self.desk.claims.took(wants, claimed, now, now - begin)
        self.desk.settled([key for key in done if key[0] in ended])
        self.handout.give(claimed, leased)
        if unended := [key for key in done if key[0] not in ended]:
            self.desk.settled(set(unended) - set(database.lookup(unended)), late=True)
        return True

    def _ask(self, database: Database, done: list[Key], wants: list[Want]) -> tuple[set[int], list[Claimed]]:
        if wants:
            return database.claim_and_record(self.config.supervisor, done, wants, self.desk.recorder.timeouts)
        return database.end_done(done), []

    def _now(self) -> float:
        return self.desk.clock.now()

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
