"""How many jobs a worker may be handed at once: pure bookkeeping of how long the jobs of each pool take.

Short jobs may wait in the worker's socket while the one before runs, so that a worker need not wait for a commit;
long ones never. One job that runs long ends it for its pool until enough short ones have been seen again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SHORT = 0.02
"""Seconds that the jobs of a pool may take on average for others to wait behind them; the last waits no longer."""
LONG = 1.0
"""Seconds after which what waits behind a job is taken back (architecture, 8.8)."""
ENOUGH = 20
"""Jobs that must have been seen."""
DEEPEST = 160
"""Jobs that a worker may have by `prefetch: auto`, the running one included: so many that the shortest do not run out
during a claim (a millisecond, and 50 microseconds for each job: with 32 a worker was idle for a fifth of its time; with
160 four workers ran 2.5 % more than with 96, with 250 no more: medians of five, in turns)."""
KEPT = 16
"""Jobs that may be claimed at a time for a worker that is sent them one by one (ADR 31)."""
WEIGHT = 0.1


@dataclass(slots=True)
class Seen:
    """What the jobs of one pool were like."""

    jobs: int = 0
    seconds: float = 0.0


class Pace:
    """By pool."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def saw(self, pool: str, seconds: float) -> None:
        """A job took so long."""
        seen = self._seen.setdefault(pool, Seen())
        seen.seconds = seconds if seen.jobs == 0 else seen.seconds + WEIGHT * (seconds - seen.seconds)
        seen.jobs += 1

    def seconds(self, pool: str) -> float:
        """How long the jobs of the pool take on average; infinite while none has been seen."""
        return self._seen[pool].seconds if pool in self._seen else math.inf

    def forget(self, pool: str) -> None:
        """One ran long: begin anew."""
        self._seen.pop(pool, None)

    def depth(self, pool: str, prefetch: int | None, *, commit: float | None = None) -> int:
        """How many jobs a worker of the pool may have, the running one included. `prefetch` None = auto.

        With `prefetch` 0, where an end takes `commit` seconds to be stored: how many may be claimed for it, to be sent
        one at a time; None: nobody keeps them.
        """
        if prefetch is None:
            return self._within(pool, DEEPEST, 0.0)
        return 1 + prefetch if prefetch or commit is None else self._within(pool, KEPT, commit)

    def _within(self, pool: str, most: int, between: float) -> int:
        # So many that the last waits no longer than SHORT; one, while it is not known that they are short.
        seen = self._seen.get(pool, Seen())
        each = seen.seconds + between
        if seen.jobs < ENOUGH or each >= SHORT:
            return 1
        return min(most, 1 + int(SHORT / max(each, SHORT / most)))
