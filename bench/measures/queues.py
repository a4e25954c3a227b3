"""Queues: twenty with jobs and a worker each, beside one with all of both."""

from __future__ import annotations

from collections.abc import Iterator

from bench.arena import Arena
from bench.figures import Figure
from bench.measures.drain import drained
from bench.measures.measure import Measure, Target
from bench.product import Qsup

QUEUES = 20
ONE, TWENTY = "1 queue", "20 queues"


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """Twenty workers each time."""
    for prefetch in (0, "auto"):
        for case, queues in ((ONE, 1), (TWENTY, QUEUES)):
            contestant = Qsup(arena, prefetch, queues=queues)
            jobs = max(contestant.jobs(), 20 * QUEUES)
            contestant.stock(jobs)
            yield Figure(case, contestant.name, drained(contestant, QUEUES, jobs).rate)


MEASURE = Measure(
    "queues",
    "Drain of twenty queues, 20 workers",
    "One queue with 20 workers, and the same jobs spread over 20 queues with one worker each.",
    run,
    tuple(Target(TWENTY, who, (who,), least=0.8, to_case=ONE) for who in ("qsup, prefetch: 0", "qsup, prefetch: auto")),
)
