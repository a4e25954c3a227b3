"""Pickup: from just before a job is put in to the first line of its handler, when all workers are idle."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.arena import Arena
from bench.contestant import Contestant
from bench.figures import Figure, percentile
from bench.limits.table import Listener
from bench.measures.measure import Measure, Target
from bench.peers.contestants import Huey, Pgqueuer, Procrastinate
from bench.peers.laravel import Laravel
from bench.peers.present import forgiven, once
from bench.peers.redis import Celery, Dramatiq, Rq
from bench.product import Qsup

WARM_UP, GAP, START_SECONDS = 5, 0.05, 60.0
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def contestants(arena: Arena, number: int) -> list[Contestant]:
    """The floor first."""
    peers = once(arena, number, Procrastinate, Laravel, Pgqueuer, Huey, Celery, Dramatiq, Rq)
    return [Listener(arena), Qsup(arena), *peers]


def run(arena: Arena, number: int) -> Iterator[Figure]:
    """Each contestant with 18 idle workers and a job every 50 ms."""
    for contestant in contestants(arena, number):
        with forgiven(contestant, "pickup"):
            contestant.stock(0)
            waits = picked_up(contestant, arena.scale.fleet, arena.scale.samples)
            for case, share in SHARES.items():
                yield Figure(case, contestant.name, percentile(waits, share), "ms")


def picked_up(contestant: Contestant, workers: int, samples: int) -> list[float]:
    """Milliseconds of each job. Raises TimeoutError when they are not all run."""
    marks = contestant.arena.marks
    with contestant.running(workers) as fleet:
        contestant.produce("pickup", WARM_UP, GAP)
        if not marks.wait(WARM_UP, START_SECONDS, fleet.alive):
            raise TimeoutError(f"{contestant.name} picked nothing up: {fleet.end_of_log()}")
        time.sleep(contestant.settle)
        marks.empty()
        begun = contestant.produce("pickup", samples, GAP)
        if not marks.wait(samples, START_SECONDS, fleet.alive):
            raise TimeoutError(f"{contestant.name} picked up {marks.count()} of {samples}: {fleet.end_of_log()}")
        return [(moment - begun[job]) / 1e6 for moment, job, _ in marks.read()]


FLOOR = "bare LISTEN, claim, pipe"

MEASURE = Measure(
    "pickup",
    "Pickup by idle workers, ms",
    "18 idle workers and a job every 50 ms: milliseconds from just before the call that puts it in to the first "
    "line of its handler. The floor is one process that listens, claims and hands over through a socketpair. "
    "The peers once.",
    run,
    (
        Target("p50", "qsup, prefetch: auto", (FLOOR,), most=1.4),
        Target("p99", "qsup, prefetch: auto", (FLOOR,), most=2.5),
    ),
    less_is_better=True,
)
