"""Kill: a worker dies in its job. How long until the job runs again?"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator

from bench.arena import Arena
from bench.contestant import Contestant
from bench.figures import Figure
from bench.measures.measure import Measure, Target
from bench.peers.contestants import Huey, Pgqueuer, Procrastinate
from bench.peers.present import forgiven, once
from bench.peers.redis import Celery, Dramatiq, Rq
from bench.product import Qsup

WORKERS, JOB_SECONDS, START_SECONDS, PATIENCE = 2, 300.0, 60.0, 45.0
CASE = "kill -9 to rerun, s"


def run(arena: Arena, number: int) -> Iterator[Figure]:
    """qsup with `backoff: 0`; the peers once, with their defaults, because they need their time."""
    peers: list[Contestant] = [*once(arena, number, Pgqueuer, Procrastinate, Huey, Celery, Dramatiq, Rq)]
    for contestant in [Qsup(arena), *peers]:
        with forgiven(contestant, "kill"):
            yield Figure(CASE, contestant.name, rerun_seconds(contestant), "s")


def rerun_seconds(contestant: Contestant) -> float:
    """From the signal to the first line of the second run; infinite when it does not come. Raises TimeoutError."""
    contestant.stock(0)
    marks = contestant.arena.marks
    with contestant.running(WORKERS, deployed=True) as fleet:
        contestant.produce("slow", 1, JOB_SECONDS)
        if not marks.wait(1, START_SECONDS, fleet.alive):
            raise TimeoutError(f"{contestant.name} did not begin: {fleet.end_of_log()}")
        time.sleep(1.0)
        killed = time.time_ns()
        os.kill(marks.pids()[0], signal.SIGKILL)
        if not marks.wait(2, PATIENCE):
            return math.inf
        return (marks.read()[1][0] - killed) / 1e9


MEASURE = Measure(
    "kill",
    "A worker is killed in its job",
    "Seconds from kill -9 of the process that runs the job to the first line of its next run. The peers once, "
    "with their defaults; one that has not run it again after 45 s is told as never.",
    run,
    (Target(CASE, "qsup, prefetch: auto", most=0.1),),
    less_is_better=True,
)
