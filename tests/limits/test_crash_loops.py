"""Jobs that kill their workers one after the other: that queue slows down, and nobody else does."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest

from qsup.supervise.advance import FIRST_DELAY, SOON
from tests.limits.looping import Looping
from tests.supervise.rig import QUEUES

LOOPING = {**QUEUES, "payments": {**QUEUES["payments"], "backoff": "0s", "max_crashes": 1}}
SHORTEST = 0.8
"""Jitter makes a delay at least so much shorter."""


@pytest.mark.parametrize("how", ["die", "exit"])
def test_a_queue_whose_jobs_kill_every_worker_starts_fewer_and_fewer_of_them(run: Looping, how: str) -> None:
    run.write(LOOPING)
    run.start()
    courier = run.state["courier"]["pid"]
    run.put("payments", how, count=40)
    calm = 0
    while max(len(times) for times in starts(run).values()) < 5 if starts(run) else True:
        run.put("sms")
        calm += 1
        run.until(lambda: not run.left("sms"), "the other queue's job is done")
    for times in starts(run).values():
        # The first two follow at once; then 0.5 s, 1 s, 2 s …, each times at least 0.8.
        waits = [later - earlier for earlier, later in pairwise(times)]
        least = [0.0, *(FIRST_DELAY * 2**crash * SHORTEST for crash in range(len(waits) - 1))]
        assert all(wait >= shortest for wait, shortest in zip(waits, least, strict=True)), (waits, least)
    assert calm >= 5, "the other queue had to wait for the looping one"
    assert run.left("payments") > 20, "a loop that ran through all its jobs was no loop that slows down"
    assert run.state["courier"]["pid"] == courier
    assert len({pid for _, _, pid in run.begins("sms")}) == 1


def starts(run: Looping) -> dict[str, list[float]]:
    """When a job of each slot of the looping queue began: each kills its worker."""
    found: dict[str, list[float]] = defaultdict(list)
    for at, slot, _ in run.begins("payments"):
        found[slot].append(at)
    return found


def test_a_job_class_that_kills_workers_waits_for_its_backoff_while_others_of_its_queue_are_done(run: Looping) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "workers": 1, "backoff": "600s"}})
    run.spawn()
    run.settles(payments=1, sms=1)
    bad = run.put("payments", "die", count=2)
    good = run.put("payments", count=20)
    run.until(lambda: run.left("payments") == len(bad), "all others are done")
    assert len(run.begins("payments")) == len(bad) + len(good)
    assert run.rows("SELECT state, attempts, crashes FROM qsup.jobs") == [("scheduled", 0, 1)] * 2


def test_after_the_last_bad_job_the_queue_is_served_as_before(run: Looping) -> None:
    run.write(LOOPING)
    run.start()
    run.put("payments", "die", count=6)
    run.until(lambda: not run.left("payments"), "all are quarantined")
    assert {cause for (cause,) in run.rows("SELECT cause FROM qsup.failed_jobs")} == {"quarantined"}
    run.passes(SOON)
    run.settles()
    run.put("payments", count=10)
    run.until(lambda: not run.left("payments"), "good jobs are done")
