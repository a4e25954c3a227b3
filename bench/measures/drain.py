"""Drain: a store full of jobs that do nothing, and so many workers. How many are run a second?"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.arena import Arena
from bench.contestant import Contestant
from bench.figures import Figure, Window, window
from bench.limits.table import Dispatcher, Fused
from bench.measures.measure import Measure, Target
from bench.peers.contestants import Huey, Peer, Pgqueuer, PgqueuerSingly, Procrastinate
from bench.peers.laravel import Laravel
from bench.peers.present import forgiven, with_peers
from bench.peers.redis import Celery, Dramatiq, Rq
from bench.product import Qsup

START_SECONDS = 60.0
PEERS_WORKERS = 4
"""On a small machine more of their processes than this only measure how long they take to start."""


def peers_workers(arena: Arena) -> list[int]:
    """With how many workers the peers are run; once is enough where time is short."""
    few = [count for count in arena.scale.workers if count <= PEERS_WORKERS]
    return few if arena.scale.thorough else few[-1:]


def contestants(arena: Arena) -> list[Contestant]:
    """In the order in which they run, the compared next to each other."""
    if arena.scale.sparse:
        return [Dispatcher(arena, 3), Qsup(arena)]
    if not arena.scale.thorough:
        ours = [Dispatcher(arena), Qsup(arena, 0), Dispatcher(arena, 3), Qsup(arena)]
        return [*ours, *with_peers(arena, Procrastinate, Pgqueuer, Celery, Dramatiq)]
    return [
        Dispatcher(arena), Qsup(arena, 0), Fused(arena), Dispatcher(arena, 3), Qsup(arena),
        *with_peers(arena, Procrastinate, Laravel, PgqueuerSingly, Pgqueuer, Huey, Celery, Dramatiq, Rq),
    ]  # fmt: skip


def run(arena: Arena, number: int) -> Iterator[Figure]:
    """Every contestant with every number of workers; in every second round the other way round."""
    for workers in arena.scale.workers:
        for contestant in contestants(arena)[:: 1 if number % 2 else -1]:
            if isinstance(contestant, Peer) and workers not in peers_workers(arena):
                continue
            with forgiven(contestant, "drain"):
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


AT_LEAST_ONCE = tuple(kind.name for kind in (Procrastinate, Laravel, PgqueuerSingly, Pgqueuer, Celery, Dramatiq))

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
        Target("1 worker", "qsup, prefetch: 0", (Laravel.name,), least=3),
        Target("4 workers", "qsup, prefetch: 0", (Laravel.name,), least=3),
        Target("1 worker", "qsup, prefetch: 0", ("Celery on Redis, late ack",), least=1.6),
        Target("4 workers", "qsup, prefetch: 0", ("Celery on Redis, late ack",), least=1.6),
        Target("1 worker", "qsup, prefetch: auto", AT_LEAST_ONCE, least=2),
        Target("4 workers", "qsup, prefetch: auto", AT_LEAST_ONCE, least=2),
        Target("1 worker", "qsup, prefetch: auto", ("bare dispatcher, look-ahead",), least=0.5),
        Target("4 workers", "qsup, prefetch: auto", ("bare dispatcher, look-ahead",), least=0.5),
    ),
)
