"""Churn: the same drain out of a table through which very many jobs have gone, and no vacuum has come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench.arena import Arena
from bench.contestant import OnPostgres
from bench.figures import Figure
from bench.limits.table import Dispatcher
from bench.measures.drain import drained
from bench.measures.measure import Measure, Target
from bench.product import Qsup

WORKERS = 4
CLEAN, CHURNED, HELD = "clean", "after churn, no vacuum", "the same under an old snapshot"


def contestants(arena: Arena) -> list[OnPostgres]:
    """The bare dispatcher shows what the usual claim comes to."""
    return [Qsup(arena, 0), Qsup(arena), *([Dispatcher(arena)] if arena.scale.thorough else [])]


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """Each contestant in each case."""
    for contestant in contestants(arena):
        for case in (CLEAN, CHURNED, HELD):
            contestant.stock(0)
            with psycopg.connect(contestant.dsn, autocommit=True) as conn, snapshot(contestant, held=case == HELD):
                conn.execute(contestant.WITHOUT_VACUUM.encode())
                if case != CLEAN:
                    contestant.churn(conn, arena.scale.churned)
                contestant.insert(conn, contestant.jobs(), 0)
                yield Figure(case, contestant.name, drained(contestant, WORKERS, contestant.jobs()).rate)


@contextmanager
def snapshot(contestant: OnPostgres, *, held: bool) -> Iterator[psycopg.Connection[Any] | None]:
    """Another session with a transaction that sees the table as it is now, like a dump or a report."""
    if not held:
        yield None
        return
    with psycopg.connect(contestant.dsn) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        conn.execute("SELECT count(*) FROM pg_class")
        yield conn


MEASURE = Measure(
    "churn",
    "Drain after churn, 4 workers",
    "The same after 300,000 jobs have been put in, taken and ended while autovacuum was off; and with another "
    "session's transaction open since before.",
    run,
    tuple(
        Target(case, who, (who,), least=least, to_case=CLEAN)
        for case, least in ((CHURNED, 0.5), (HELD, 0.25))
        for who in ("qsup, prefetch: 0", "qsup, prefetch: auto")
    ),
)
