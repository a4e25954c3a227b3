"""Workers that leave because of max_jobs, max_time or memory, under load: the queue never stands still."""

from __future__ import annotations

from bisect import bisect
from itertools import pairwise

import pytest

from tests.limits.looping import Looping
from tests.supervise.rig import QUEUES

TICKS = 40
"""Jobs that a queue with one worker begins one after the other while another queue has four workers and begins none:
then that one stood still. The machine's load slows both. Seen on busy machines: 10 at most."""


@pytest.mark.parametrize(
    ("settings", "how", "count"),
    [({"max_jobs": 15}, "", 400), ({"max_time": "1s"}, "", 400), ({"memory": "128MB"}, "eat", 120)],
    ids=["max_jobs", "max_time", "memory"],
)
def test_four_workers_under_load_are_replaced_and_jobs_are_done_all_the_time(
    run: Looping, settings: dict[str, object], how: str, count: int
) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "workers": 4, **settings}})
    run.spawn()
    run.settles(payments=4, sms=1)
    jobs = run.put("payments", how, count=count, seconds=0.02)
    run.put("sms", count=400, seconds=0.02)
    run.until(lambda: not run.left("payments"), "all are done")
    begins = run.begins("payments")
    assert len(begins) == len(jobs), "a job was run twice or not at all"
    assert run.rows("SELECT * FROM qsup.failed_jobs") == []
    assert {kind for (kind,) in run.rows("SELECT kind FROM qsup.job_events")} <= {"released"}
    workers = {pid for _, _, pid in begins}
    assert len(workers) >= 10, "the workers were not replaced"
    ticks = [at for at, _, _ in run.begins("sms")]
    still = max(bisect(ticks, later) - bisect(ticks, at) for (at, _, _), (later, _, _) in pairwise(begins))
    assert still < TICKS, f"the queue stood still while the other one began {still} jobs"


def test_a_worker_that_is_idle_when_it_grows_old_is_replaced_while_the_others_stay(run: Looping) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "workers": 4, "max_time": "2s"}})
    run.spawn()
    run.settles(payments=4, sms=1)
    before = run.pids()
    least = 4

    def replaced() -> bool:
        nonlocal least
        now = run.pids()
        least = min(least, sum(slot.startswith("payments") for slot in now))
        return all(now.get(slot, pid) != pid for slot, pid in before.items() if slot.startswith("payments"))

    run.until(replaced, "all four were replaced")
    assert least >= 1, "all workers of a queue left at the same moment"
    assert run.pids()["sms:0"] == before["sms:0"]
