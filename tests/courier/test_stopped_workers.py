"""Workers that somebody has stopped (SIGSTOP) between two jobs: nobody waits for them."""

from __future__ import annotations

import os
import signal

import psycopg

from tests.courier.rig import Rig
from tests.courier.test_jobs_run import put, ready
from tests.courier.test_prefetch import put_together

LOST = """
    INSERT INTO qsup.jobs (queue, type, payload, state, claim_number, attempts, reserved_at, reserved_by, lease_until)
    VALUES ('q', 'Note', jsonb_build_object('path', %s::text), 'running', 1, 1, now(), %s, now() + interval '1 hour')
    RETURNING id
"""


def both_at_work(rig: Rig) -> None:
    """Two workers that have said hello and done a job each."""
    ready(rig)

    def each_has_done_one() -> bool:
        put(rig, seconds=0.1)
        return len({line.split()[3] for line in rig.lines()}) == 2

    rig.until(each_has_done_one, "both work")
    rig.until(rig.drained, "both are idle")


def test_a_job_that_was_handed_to_a_stopped_worker_is_taken_back_and_done_by_another(rig: Rig) -> None:
    both_at_work(rig)
    before = len(rig.lines())
    os.kill(rig.workers["q:0"], signal.SIGSTOP)
    numbers = [put(rig, seconds=0.1) for _ in range(6)]
    rig.until(rig.drained, "all are done")
    assert sorted(int(line.split()[0]) for line in rig.lines()[before:]) == numbers
    [(detail,)] = rig.rows("SELECT DISTINCT detail FROM qsup.job_events WHERE kind = 'released'")
    assert detail == "its worker did not begin it"
    os.kill(rig.workers["q:0"], signal.SIGCONT)
    os.kill(rig.workers["q:1"], signal.SIGSTOP)
    last = put(rig, text="again")
    rig.until(rig.drained, "the first one works again, and begins nothing that was taken from it")
    assert [int(line.split()[0]) for line in rig.lines()[before + 6 :]] == [last]
    os.kill(rig.workers["q:1"], signal.SIGCONT)


def test_what_waits_for_a_worker_that_was_stopped_between_two_jobs_is_taken_back_from_it(rig: Rig) -> None:
    ready(rig, workers=1, prefetch=1)
    first, second = put_together(rig, {"how": "stop behind it"}, {})
    released = "SELECT job_id FROM qsup.job_events WHERE kind = 'released'"
    rig.until(lambda: rig.rows(released) == [(second,)], "it is back")
    os.kill(rig.workers["q:0"], signal.SIGCONT)
    rig.until(rig.drained, "it goes on")
    assert [int(line.split()[0]) for line in rig.lines()] == [first, second]


def test_a_worker_that_is_stopped_before_its_hello_keeps_no_other_slot_s_jobs_from_coming_back(rig: Rig) -> None:
    both_at_work(rig)
    os.kill(rig.workers["q:0"], signal.SIGSTOP)
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        # What a courier that died between its claim and the worker's socket leaves behind.
        row = conn.execute(LOST, (str(rig.notes), f"{rig.supervisor}/q:1")).fetchone()
    assert row is not None
    rig.new_courier()
    rig.until(rig.drained, "it is released although q:0 says nothing, and done")
    assert (row[0], "released") in rig.rows("SELECT job_id, kind FROM qsup.job_events")
    assert int(rig.lines()[-1].split()[0]) == row[0]
    os.kill(rig.workers["q:0"], signal.SIGCONT)
