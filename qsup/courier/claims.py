"""What to claim next: pure bookkeeping of free slots and of where the last claim of each queue ended.

A claim asks for rows behind the last one it took (`after`), so that dead rows which vacuum cannot remove yet are not
walked again at every claim (1,300 against 15 a second with a snapshot held open). Sequences do not commit in order, so
it rewinds: when it finds too little, when it is woken, and after max(1 s, 20 times what the last rewind took).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qsup.routing import MARGIN, Routing
from qsup.rows import Claimed, Want

REWIND_EVERY = 1.0
"""Seconds."""
MOST_EACH = 1024
"""Jobs for one worker: more than any `prefetch` allows."""
BUSY_AFTER = 8
"""Claims in a row that filled every free slot: from then on nobody needs to notify us about the queue."""

WEIGHT = 0.1


@dataclass(slots=True)
class Line:
    """One queue, as the claims see it."""

    after: int = 0
    rewound_at: float = 0.0
    rewind_cost: float = 0.0
    empty: bool = False
    full_claims: int = 0
    depth: int = 1
    """Jobs that a worker may have at once of it: twice as many after a full claim, half of it after any other. Idle
    workers are asked for as they are: 18 of them had 1,728 places for one job (ADR 28)."""
    waiting: bool = False
    """Whether dispatchers notify us."""


class Claims:
    """The queues that this courier serves, grouped by the workers that serve them."""

    def __init__(self) -> None:
        self.routing: Routing | None = None
        self.lines: dict[str, Line] = {}
        self.cost = 0.0
        """Seconds that a claim takes on average."""
        self._pools: dict[str, tuple[str, ...]] = {}
        self.paused = False

    def configure(self, routing: Routing) -> None:
        """Serve this routing; queues that stay keep their place."""
        self.routing = routing
        self._pools = {name: routing.pool(name) for name, queue in routing.queues.items() if queue.workers > 0}
        served = [queue for queues in self._pools.values() for queue in queues]
        self.lines = {queue: self.lines.get(queue, Line()) for queue in served}
        self.wake_all()

    def pools(self) -> list[str]:
        """The queues that have workers of their own."""
        return list(self._pools)

    def served(self) -> list[str]:
        """All queues that somebody here listens to."""
        return list(self.lines)

    def wake(self, queue: str) -> None:
        """There may be something in this queue."""
        if queue in self.lines:
            self.lines[queue].empty = False

    def wake_all(self) -> None:
        """Look at every queue again: the poll, a new connection."""
        for line in self.lines.values():
            line.empty = False

    def forget_waiting(self) -> None:
        """A new connection: what we had told the database may be gone (the table is unlogged)."""
        for line in self.lines.values():
            line.waiting = False

    def depth(self, pool: str) -> int:
        """How many jobs a worker of this pool may have now; 0 when nothing is to be claimed for it."""
        queue = self._next(pool)
        return 0 if queue is None else self.lines[queue].depth

    def wants(self, free: Mapping[str, Sequence[str]], now: float) -> list[Want]:
        """What to claim for the free slots of each pool: of its queues the first that may have something."""
        if self.paused or self.routing is None:
            return []
        found = []
        for pool, slots in free.items():
            queue = self._next(pool)
            if slots and queue is not None:
                found.append(self._want(queue, tuple(slots), now))
        return found

    def took(self, wants: Sequence[Want], claimed: Sequence[Claimed], now: float, cost: float) -> None:
        """What a claim brought; it took `cost` seconds."""
        self.cost += WEIGHT * (cost - self.cost)
        seqs: dict[str, list[int]] = {want.queue: [] for want in wants}
        for job in claimed:
            seqs[job.queue].append(job.seq)
        for want in wants:
            line = self.lines.get(want.queue)
            if line is not None:
                self._took(line, want, seqs[want.queue], now, cost)

    def sleepers(self) -> list[str]:
        """Queues found empty whose dispatchers do not notify us yet: say so, then look once more."""
        return [name for name, line in self.lines.items() if line.empty and not line.waiting]

    def told(self, queues: Sequence[str], waiting: bool) -> None:
        """The database now knows whether we wait for these queues."""
        for name in queues:
            if name in self.lines:
                self.lines[name].waiting = waiting
                self.lines[name].empty = False

    def busy(self) -> list[str]:
        """Queues we said we wait for, although every claim fills all our workers."""
        return [name for name, line in self.lines.items() if line.waiting and line.full_claims >= BUSY_AFTER]

    def _next(self, pool: str) -> str | None:
        for name in self._pools[pool]:
            if not self.lines[name].empty:
                return name
        return None

    def _want(self, queue: str, slots: tuple[str, ...], now: float) -> Want:
        assert self.routing is not None  # noqa: S101  wants() has looked
        line, rules = self.lines[queue], self.routing.queues[queue]
        overdue = now - line.rewound_at > max(REWIND_EVERY, 20 * line.rewind_cost)
        slack = 2 * rules.grace + MARGIN
        return Want(queue, slots, 0 if overdue else line.after, rules.timeout, slack)

    def _took(self, line: Line, want: Want, seqs: list[int], now: float, cost: float) -> None:
        enough = len(seqs) >= len(want.slots)
        line.full_claims = line.full_claims + 1 if enough else 0
        line.depth = min(MOST_EACH, 2 * line.depth) if enough else max(1, line.depth // 2)
        if want.after == 0:
            line.rewound_at, line.rewind_cost = now, cost
        if enough:
            line.after = max(seqs)
        elif want.after > 0:
            line.after = 0
        else:
            line.empty = True
