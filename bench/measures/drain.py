"""Drain: a store full of jobs that do nothing, and so many workers. How many are run a second?"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.arena import Arena
from bench.contestant import Contestant
from bench.figures import Figure, Window, window
from bench.limits.table import Dispatcher, Fused
from bench.measures.measure import Measure, Target
from bench.peers.contestants import Huey, Peer, Pgqueuer, PgqueuerSingly, Procrastinate, with_peers
from bench.product import Qsup

START_SECONDS = 60.0
PEERS_WORKERS = 4
"""On a small machine more of their processes than this only measure how long they take to start."""


def contestants(arena: Arena) -> list[Contestant]:
    """In the order in which they run, the compared next to each other."""
    if arena.scale.sparse:
        return [Dispatcher(arena, 3), Qsup(arena)]
    return [
        Dispatcher(arena), Qsup(arena, 0), Fused(arena), Dispatcher(arena, 3), Qsup(arena),
        *with_peers(arena, Procrastinate, PgqueuerSingly, Pgqueuer, Huey),
    ]  # fmt: skip


def run(arena: Arena, number: int) -> Iterator[Figure]:
    """Every contestant with every number of workers; in every second round the other way round."""
    for workers in arena.scale.workers:
        for contestant in contestants(arena)[:: 1 if number % 2 else -1]:
            if workers > PEERS_WORKERS and isinstance(contestant, Peer):
                continue
            contestant.stock(contestant.jobs())
            found = drained(contestant, workers, contestant.jobs())
            yield Figure(case(workers), contestant.name, found.rate)


def drained(contestant: Contestant, workers: int, jobs: int) -> Window:
    """Run what is in the store; complains on stderr of what should not be."""
    arena = contestant.arena
    with contestant.running(workers) as fleet:
        if not arena.marks.wait(1, START_SECONDS, fleet.alive):
            print(f"{contestant.name} ran no job: {fleet.end_of_log()}", file=sys.stderr)
        arena.marks.wait(jobs, arena.scale.seconds + 1, fleet.alive)
    found = window(arena.marks.read(), workers, arena.scale.seconds)
    if found.doubled or found.workers < workers:
        print(f"{contestant.name}, {workers} workers: {found}", file=sys.stderr)
    return found


def case(workers: int) -> str:
    """`1 worker`"""
    return f"{workers} worker{'s' if workers > 1 else ''}"


MEASURE = Measure(
    "drain",
    "Drain",
    "No-op jobs that are there before the workers start. Jobs a second, from the moment when a tenth is done and "
    "every worker has been seen.",
    run,
    (
        Target("1 worker", "qsup, prefetch: 0", ("bare dispatcher",), least=0.8),
        Target("4 workers", "qsup, prefetch: 0", ("bare dispatcher",), least=0.8),
        Target("18 workers", "qsup, prefetch: 0", ("bare dispatcher",), least=0.65),
        Target("1 worker", "qsup, prefetch: 0", ("procrastinate",), least=3.5),
        Target("4 workers", "qsup, prefetch: 0", ("procrastinate",), least=3.5),
        Target("1 worker", "qsup, prefetch: auto", ("pgqueuer",), least=2),
        Target("4 workers", "qsup, prefetch: auto", ("pgqueuer",), least=2),
        Target("1 worker", "qsup, prefetch: auto", ("bare dispatcher, look-ahead",), least=0.5),
        Target("4 workers", "qsup, prefetch: auto", ("bare dispatcher, look-ahead",), least=0.5),
    ),
)
