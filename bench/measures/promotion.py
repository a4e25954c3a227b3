"""Promotion: jobs that were delayed and have become due, all at once. What does the step to `ready` cost a drain?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from bench.arena import Arena
from bench.figures import Figure
from bench.measures.drain import drained
from bench.measures.measure import Measure
from bench.product import Qsup

WORKERS = 4
READY, DUE = "ready", "delayed, now due"


class QsupDue(Qsup):
    """Every job was delayed; its time has come while nobody ran."""

    def __init__(self, arena: Arena, prefetch: int | str = "auto") -> None:
        super().__init__(arena, prefetch)
        self.kind += "_due"

    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """As if a day had passed."""
        super().insert(conn, later, ready)
        conn.execute("UPDATE qsup.jobs SET available_at = now() WHERE state = 'scheduled'")


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """Strictly and with look-ahead."""
    for prefetch in (0, "auto"):
        for case, contestant in ((READY, Qsup(arena, prefetch)), (DUE, QsupDue(arena, prefetch))):
            contestant.stock(contestant.jobs())
            yield Figure(case, contestant.name, drained(contestant, WORKERS, contestant.jobs()).rate)


MEASURE = Measure(
    "promotion",
    "Drain of delayed jobs that are due, 4 workers",
    "The same jobs, ready beforehand or all delayed and due when the workers start: what the promotion to ready costs.",
    run,
)
