"""Backlog: the same drain out of a table with a million other rows, due and not due."""

from __future__ import annotations

from collections.abc import Iterator

from bench.arena import Arena
from bench.contestant import Contestant
from bench.figures import Figure
from bench.limits.table import Dispatcher
from bench.measures.drain import drained
from bench.measures.measure import Measure, Target
from bench.peers.contestants import Pgqueuer, PgqueuerSingly, Procrastinate
from bench.peers.laravel import Laravel
from bench.peers.present import forgiven, once
from bench.product import Qsup

WORKERS = 4
EMPTY, READY, DELAYED = "nothing else", "many ready", "many delayed"


def contestants(arena: Arena, number: int) -> list[Contestant]:
    """The peers take a while to be filled."""
    return [
        Qsup(arena, 0),
        Qsup(arena),
        Dispatcher(arena),
        *once(arena, number, Procrastinate, Laravel, PgqueuerSingly, Pgqueuer),
    ]


def run(arena: Arena, number: int) -> Iterator[Figure]:
    """Each contestant out of each table. The rows that are not due were put in first."""
    for contestant in contestants(arena, number):
        jobs, many = contestant.jobs(), arena.scale.many
        for case, ready, later in ((EMPTY, jobs, 0), (READY, max(many, jobs), 0), (DELAYED, jobs, many)):
            with forgiven(contestant, "backlog"):
                contestant.stock(ready, later)
                yield Figure(case, contestant.name, drained(contestant, WORKERS, jobs).rate)


MEASURE = Measure(
    "backlog",
    "Drain out of a big table, 4 workers",
    "The same with 1,000,000 more jobs in the table that are due, or that are due tomorrow and were put in before. "
    "The peers once.",
    run,
    tuple(
        Target(case, who, (who,), least=0.8, to_case=EMPTY)
        for case in (READY, DELAYED)
        for who in ("qsup, prefetch: 0", "qsup, prefetch: auto")
    ),
)
