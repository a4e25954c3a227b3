"""Log: what a job costs PostgreSQL's write-ahead log: bytes, and flushes to the disk."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.arena import Arena
from bench.contestant import Contestant
from bench.figures import Figure
from bench.limits.table import Dispatcher
from bench.measures.drain import START_SECONDS
from bench.measures.measure import Measure
from bench.product import Qsup

JOBS = 20_000
WORKERS = 4
QUIET_SECONDS = 1.5
"""After which backends have reported what they did, and ends on their way are stored."""


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """The whole drain counts, from a checkpoint on: the first change of each page writes the page."""
    jobs = int(JOBS * arena.scale.pace)
    for contestant in (Dispatcher(arena), Qsup(arena, 0), Dispatcher(arena, 3), Qsup(arena)):
        contestant.stock(jobs)
        written, flushed = cost(contestant, jobs)
        yield Figure("bytes a job", contestant.name, written / jobs, "B")
        yield Figure("flushes a job", contestant.name, flushed / jobs, "")


def cost(contestant: Contestant, jobs: int) -> tuple[int, int]:
    """(bytes, flushes) of the log for these jobs. Raises TimeoutError."""
    arena = contestant.arena
    with contestant.running(WORKERS) as fleet:
        bytes_before, flushes_before = arena.server.log_written()
        if not arena.marks.wait(jobs, START_SECONDS, fleet.alive):
            raise TimeoutError(f"{contestant.name} ran {arena.marks.count()} of {jobs}: {fleet.end_of_log()}")
        time.sleep(QUIET_SECONDS)
        written, flushes = arena.server.log_written()
        return written - bytes_before, flushes - flushes_before


MEASURE = Measure(
    "log",
    "Write-ahead log, 4 workers",
    "Bytes and flushes of the whole drain of 20,000 jobs, claim and end together, right after a checkpoint.",
    run,
    less_is_better=True,
)
