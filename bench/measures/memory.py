"""Memory: of everything but PostgreSQL, before and after very many jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg

from bench.arena import Arena
from bench.figures import Figure
from bench.measures.measure import Measure
from bench.processes import memory
from bench.product import Qsup

START_SECONDS = 60.0
BEFORE, AFTER = "before, MiB", "after, MiB"
PART = 10
"""Of the rows of a big table."""


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """Eighteen workers with the hotspot's imports; everyone has run one job before."""
    contestant = Qsup(arena, hotspot=True)
    contestant.stock(0)
    few, many = arena.scale.fleet * 50, arena.scale.many // PART
    with contestant.running(arena.scale.fleet) as fleet, psycopg.connect(contestant.dsn, autocommit=True) as conn:
        for case, jobs, total in ((BEFORE, few, few), (AFTER, many, few + many)):
            contestant.insert(conn, jobs, 0)
            if not arena.marks.wait(total, START_SECONDS, fleet.alive):
                raise TimeoutError(f"{contestant.name} ran {arena.marks.count()} of {total}: {fleet.end_of_log()}")
            time.sleep(contestant.settle)
            yield Figure(case, contestant.name, memory(fleet.pids()), "MiB")


MEASURE = Measure(
    "memory",
    "Memory after 100,000 jobs, 18 workers",
    "PSS of everything but PostgreSQL, with the hotspot's imports: when every worker has run some jobs, and "
    "100,000 jobs later.",
    run,
    less_is_better=True,
)
