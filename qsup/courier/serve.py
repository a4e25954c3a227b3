"""The database's part of a turn of the courier: settle, record, claim, hand out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg

from qsup import declare, slots, store
from qsup.board import Board, Record, boottime
from qsup.courier.desk import Desk
from qsup.courier.pace import LONG
from qsup.courier.peers import Peer
from qsup.courier.record import Pending, hook_rules, record, resolve
from qsup.messages import Applied, Configure, Message, Work
from qsup.outcome import Report
from qsup.routing import Routing
from qsup.store import Claimed, Key

UNROUTED_WAIT = 30.0
"""Seconds until a job whose class no file routes is looked at again, uncharged."""

CLAIM_TIME = 1.0
"""Seconds that may lie between the server's clock at the claim and ours when the job is handed out."""
SETTLE_EVERY = 0.1
"""Seconds between looks whether every worker has said hello after a new connection."""


class Service:
    """Works on an open connection; every method may raise psycopg's OperationalError and be called again later."""

    def __init__(self, desk: Desk, board: Board, tell: Callable[[Message], None], turns: int = -1) -> None:
        self.desk = desk
        self.board = board
        self.tell = tell
        self.turns = turns
        """For qsup.slots.turn; -1 where nothing is ever taken back."""
        # Rises over all couriers of one boot: a revocation by an earlier one never meets a new job.
        self._number = int(boottime() * 1_000_000)
        self.on_due: Callable[[str, float], None] = lambda _queue, _delay: None
        self.settled = False
        self.busy_with = "waiting"
        self._applied = 0
        self._polled_at = 0.0
        self._settle_at = 0.0
        self._unheard: set[str] = set()

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

    def begin(self) -> None:
        """A new connection: nothing of what we told the old one is certain."""
        self.settled, self._applied = False, 0
        self.desk.claims.forget_waiting()

    def turn(self, conn: psycopg.Connection[Any]) -> None:
        """Record what is pending and claim for who is free."""
        self.busy_with = "recording"
        self._apply(conn)
        self._progress(conn)
        self._record(conn)
        self._settle(conn)
        self._release_returned(conn)
        self._take_back_piles()
        self.busy_with = "claiming"
        if time.monotonic() - self._polled_at >= self.poll_interval():
            self._polled_at = time.monotonic()
            self.desk.claims.wake_all()
        self._claim(conn, [])
        self._announce(conn)

    def poll_interval(self) -> float:
        """Seconds: the guarantee behind the notifications, min(sleep, 1 s) over all queues."""
        sleeps = [self.routing.queues[name].sleep for name in self.desk.claims.served()]
        return max(0.05, min([1.0, *sleeps]))

    def _apply(self, conn: psycopg.Connection[Any]) -> None:
        if self._applied != self.config.generation:
            declare.apply(conn, Routing.from_dict(self.config.routing), self.config.supervisor)
            self._applied = self.config.generation
            self.tell(Applied(self._applied))

    def until_settling(self) -> float:
        """Seconds until it makes sense to look again whether everybody is accounted for."""
        return 60.0 if self.settled else max(0.0, self._settle_at - time.monotonic())

    def _settle(self, conn: psycopg.Connection[Any]) -> None:
        # Release what nobody has, but only when every live worker is accounted for: by its hello or, in the middle of
        # a long job, by the board. Claiming for the others need not wait for one that is stopped (SIGSTOP).
        if self.settled or time.monotonic() < self._settle_at:
            return
        peers, busy = self.desk.peers, {one.slot for one in self._busy()}
        if not self.desk.roster_known or set(peers.alive) - set(peers.by_slot) - busy:
            self._settle_at = time.monotonic() + SETTLE_EVERY
            return
        self._unheard = busy - set(peers.by_slot)
        store.release_unnamed(conn, self.config.supervisor, self._named(), skip=sorted(self._unheard))
        self.desk.returned.clear()
        self.desk.claims.wake_all()
        self.settled = True

    def _busy(self) -> list[Record]:
        # A record that a dead worker has left behind names nothing.
        alive = self.desk.peers.alive
        return [one for one in self.board.records().values() if one.state == "busy" and alive.get(one.slot) == one.pid]

    def _named(self) -> list[Key]:
        running = [(one.job, one.claim) for one in self._busy()]
        return [*running, *self.desk.peers.given(), *self.desk.pending]

    def _release_returned(self, conn: psycopg.Connection[Any]) -> None:
        # A worker that was in the middle of a job when we settled has come back with all that it has.
        while self.settled and self.desk.returned:
            slot = self.desk.returned.pop()
            if slot in self._unheard:
                store.release_unnamed(conn, self.config.supervisor, self._named(), only=slot)
                self._unheard.discard(slot)
                self.desk.claims.wake_all()

    def _progress(self, conn: psycopg.Connection[Any]) -> None:
        if self.desk.steps:
            store.progress(conn, self.desk.steps)
            self.desk.steps.clear()

    def _record(self, conn: psycopg.Connection[Any]) -> None:
        if not self.desk.pending:
            return
        pendings = list(self.desk.pending.values())
        known = resolve(conn, pendings)
        self.desk.settled({one.key for one in pendings} - {one.key for one in known}, late=True)
        sorted_ = self.desk.recorder.sort(known)
        done, sorted_.done = sorted_.done, []
        stored = record(conn, sorted_)
        self.desk.settled(stored.settled)
        for queue in stored.ready:
            self.desk.claims.wake(queue)
        for queue, delay in stored.due:
            self.on_due(queue, delay)
        if done:
            self._claim(conn, done)

    def _claim(self, conn: psycopg.Connection[Any], done: list[Key]) -> None:
        begin = time.monotonic()
        wants = self.desk.claims.wants(self.desk.free(), begin) if self.desk.roster_known else []
        if not wants and not done:
            return
        ended, claimed = store.claim_and_record(conn, self.config.supervisor, done, wants, self._timeouts())
        now = time.monotonic()
        self.desk.claims.took(wants, claimed, now, now - begin)
        gone = [key for key in done if key[0] in ended]
        self.desk.settled(gone)
        for job in claimed:
            self._hand_out(job)
        if unended := [key for key in done if key[0] not in ended]:
            self.desk.settled(set(unended) - set(store.lookup(conn, unended)), late=True)

    def _take_back_piles(self) -> None:
        for peer in self.desk.peers.piled_up(time.monotonic(), LONG):
            self.desk.pace.forget(peer.slot.rpartition(":")[0])
            index = self._index(peer.slot)
            if index is not None:
                self._take_back(peer, index)

    def _take_back(self, peer: Peer, index: int) -> None:
        # Once revoked, what is not begun never will be: the worker marks a job as begun in its turn, and looks first.
        with slots.turn(self.turns, index, wait=False) as ours:
            if not ours:
                return
            record = self.board.read(index)
            self.board.revoke(index, peer.last)
        # What ended before that turn was sent before it, and counts.
        for message in peer.channel.receive():
            self.desk.hear(peer, message)
        begun = (record.job, record.claim) if record is not None and record.state == "busy" else None
        for key in [key for key in peer.jobs if key != begun]:
            waited = Report(kind="released", reason="the job before it ran long")
            self.desk.keep(Pending(key, waited, peer.jobs.pop(key), peer.slot))

    def _index(self, slot: str) -> int | None:
        return next((index for index, record in self.board.records().items() if record.slot == slot), None)

    def _timeouts(self) -> dict[str, float]:
        routes = self.routing.routes.values()
        return {route.job: route.timeout for route in routes if route.timeout is not None}

    def _hand_out(self, job: Claimed) -> None:
        peer = self.desk.peers.by_slot.get(job.slot)
        work = self._work(job)
        if work is None:
            self.desk.keep(Pending(job.key, self._no_handler(job), job))
        elif peer is None or peer.channel.closed:
            self.desk.keep(Pending(job.key, Report(kind="released", reason="its worker was gone"), job))
        else:
            peer.head_at = peer.head_at if peer.jobs else time.monotonic()
            peer.jobs[job.key] = job
            if self.turns >= 0:
                self._number += 1
                peer.last = self._number
            peer.channel.send(replace(work, number=peer.last, recorded=[list(key) for key in peer.recorded]))
            peer.recorded.clear()

    def _no_handler(self, job: Claimed) -> Report:
        if job.step == "failed" and job.type in self.routing.routes:
            # The job is in failed_jobs already; only its hook ends here.
            return Report(kind="discard", reason="its failed hook is not run: queues.yaml names none any more")
        reason = f"no queues.yaml that this supervisor has seen routes {job.type}"
        return Report(kind="unrouted", after=UNROUTED_WAIT, reason=reason)

    def _work(self, job: Claimed) -> Work | None:
        route = self.routing.routes.get(job.type)
        handler = None if route is None else (route.failed if job.step == "failed" else route.handler)
        if handler is None:
            return None
        rules = self.desk.recorder.rules(job)
        rules = hook_rules(rules) if job.step == "failed" else rules
        return Work(
            id=job.id, claim=job.claim, type=job.type, queue=job.queue, handler=handler, payload=job.payload,
            attempt=job.attempts, tries=rules.tries, crashes=job.crashes, timeout=rules.timeout, grace=rules.grace,
            step=job.step, error=job.error or "", keep=rules.keep > 0, dsn=self.config.dsn,
            expires=boottime() + rules.lease - CLAIM_TIME,
        )  # fmt: skip

    def _announce(self, conn: psycopg.Connection[Any]) -> None:
        # Say which queues we sleep on, then look once more: a dispatch in between did not know that we wait.
        claims = self.desk.claims
        if sleepers := claims.sleepers():
            store.wait_for(conn, self.config.supervisor, sleepers)
            claims.told(sleepers, waiting=True)
        if busy := claims.busy():
            store.stop_waiting(conn, self.config.supervisor, busy)
            claims.told(busy, waiting=False)
