"""What is charged, how long is waited, and how long a claim lasts."""

from __future__ import annotations

import signal
import time

import psycopg
import pytest

from qsup.messages import Applied, Say
from qsup.perform import SoftLimit, TimeLimit
from qsup.routing import MARGIN, Route
from tests.courier.rig import Rig, a_queue, a_routing
from tests.courier.test_jobs_run import put, ready

LEASE = "SELECT extract(epoch FROM lease_until - reserved_at)::float8 FROM qsup.jobs WHERE state = 'running'"
TAKEN_OVER = "UPDATE qsup.jobs SET claim_number = claim_number + 1, reserved_by = 'another/q:0'"


def delays(rig: Rig) -> list[float]:
    """What the events say was waited, in order."""
    return [value for (value,) in rig.rows("SELECT value FROM qsup.job_events WHERE value IS NOT NULL ORDER BY id")]


@pytest.mark.parametrize("tries", [1, 3])
def test_a_job_that_kills_its_worker_is_quarantined_after_three_crashes_however_many_tries(
    rig: Rig, tries: int
) -> None:
    ready(rig, workers=1, tries=tries, backoff=(0.01, 0.02, 0.03))
    number = put(rig, "die")
    rig.until(rig.drained, "quarantined")
    runs = [line.split()[1:3] for line in rig.lines() if " hook: " not in line]
    assert runs == [["1", "0"], ["1", "1"], ["1", "2"]], "a crash was charged as a try, or a fourth run was allowed"
    assert rig.rows("SELECT id, cause, attempts, crashes FROM qsup.failed_jobs") == [(number, "quarantined", 1, 3)]
    assert delays(rig) == [0.01, 0.02], "the delay is backoff[crashes - 1]"
    assert rig.lines()[-1].startswith(f"{number} hook: it killed its worker 3 times, last: ")


def test_crashes_and_tries_are_counted_apart_and_each_has_its_own_place_in_backoff(rig: Rig) -> None:
    ready(rig, workers=1, tries=3, max_crashes=3, backoff=(0.01, 0.02, 0.03))
    put(rig, "die then raise")
    rig.until(rig.drained, "failed")
    assert rig.rows("SELECT cause, attempts, crashes FROM qsup.failed_jobs") == [("tries", 3, 1)]
    assert delays(rig) == [0.01, 0.01, 0.02]


def test_the_last_delay_of_backoff_repeats(rig: Rig) -> None:
    ready(rig, workers=1, tries=5, backoff=(0.01, 0.02))
    put(rig, "raise")
    rig.until(rig.drained, "failed")
    assert delays(rig) == [0.01, 0.02, 0.02, 0.02]


def test_a_claim_lasts_longer_than_the_kill_by_grace_and_margin(rig: Rig) -> None:
    slow = Route(job="Note", queue="q", handler="rigjobs:note", timeout=50.0)
    for timeout, routes in ((20.0, None), (50.0, {"Note": slow})):
        rig.configure(a_routing(a_queue("q", timeout=20.0, grace=3.0), routes=routes), fill=not rig.workers)
        rig.until(lambda: len(rig.heard(Applied)) == rig.generation and rig.serving(), "applied")
        put(rig, seconds=0.5)
        [(lease,)] = rig.until(lambda: rig.rows(LEASE), "it is claimed")
        assert lease == pytest.approx(timeout + 2 * 3.0 + MARGIN, abs=0.1)
        rig.until(rig.drained, "done")


def edit(rig: Rig, **settings: object) -> None:
    """The queue `q` with these settings, for workers that live on."""
    hook = Route(job="Note", queue="q", handler="rigjobs:note", failed="rigjobs:hook")
    rig.configure(a_routing(a_queue("q", **settings), routes={"Note": hook}), fill=False)
    rig.until(lambda: len(rig.heard(Applied)) == rig.generation, "the edit is applied")


def test_an_edit_of_tries_applies_to_jobs_that_wait(rig: Rig) -> None:
    ready(rig, workers=1, tries=3)
    put(rig, seconds=2.0)
    number = put(rig, "raise")
    edit(rig, tries=1)
    rig.until(rig.drained, "failed")
    assert rig.rows("SELECT id, attempts FROM qsup.failed_jobs") == [(number, 1)]


def test_an_edit_of_backoff_applies_to_jobs_that_wait(rig: Rig) -> None:
    ready(rig, workers=1, tries=2, backoff=(600.0,))
    put(rig, seconds=2.0)
    put(rig, "raise")
    edit(rig, tries=2, backoff=(0.01,))
    rig.until(rig.drained, "failed")
    assert delays(rig) == [0.01]


def test_an_edit_of_timeout_applies_to_jobs_that_wait(rig: Rig) -> None:
    ready(rig, workers=1, tries=1, timeout=600.0)
    put(rig, seconds=2.0)
    rig.until(rig.lines, "the first one runs under the old limit")
    number = put(rig, seconds=600.0)
    edit(rig, tries=1, timeout=0.3)
    rig.until(rig.drained, "over its new limit")
    assert rig.rows("SELECT id, message FROM qsup.failed_jobs") == [(number, "over its time limit of 0.3 s")]


def test_a_late_end_with_an_old_claim_number_changes_nothing_and_the_operator_is_told(rig: Rig) -> None:
    ready(rig, workers=1)
    number = put(rig, seconds=1.5)
    rig.until(rig.lines, "it runs")
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        conn.execute(TAKEN_OVER)
    before = rig.rows("SELECT * FROM qsup.jobs")
    said = rig.until(lambda: rig.heard(Say), "the courier tells of it")
    assert f"a late end changed nothing: job {number}, claim 1 (done, by q:0)" in said[0].text
    assert rig.rows("SELECT * FROM qsup.jobs") == before
    assert rig.rows("SELECT * FROM qsup.job_events") == []


@pytest.mark.parametrize("how", ["raise", "discard", "retry", "die"])
def test_no_kind_of_end_with_an_old_claim_number_changes_anything(rig: Rig, how: str) -> None:
    ready(rig, workers=1)
    put(rig, how, seconds=1.0)
    rig.until(rig.lines, "it runs")
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        conn.execute(TAKEN_OVER)
    before = rig.rows("SELECT * FROM qsup.jobs")
    rig.until(lambda: rig.heard(Say), "the courier tells of it")
    assert rig.rows("SELECT * FROM qsup.jobs") == before
    assert rig.rows("SELECT * FROM qsup.failed_jobs") == []
    assert rig.rows("SELECT * FROM qsup.job_events") == []


def test_a_transaction_under_an_old_claim_number_writes_nothing(rig: Rig) -> None:
    ready(rig, workers=1)
    put(rig, "transaction", seconds=1.0)
    rig.until(rig.lines, "it runs")
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        conn.execute(TAKEN_OVER)
    before = rig.rows("SELECT * FROM qsup.jobs")
    rig.until(lambda: rig.heard(Say), "the courier tells of it")
    assert rig.rows("SELECT * FROM effects") == []
    assert rig.rows("SELECT * FROM qsup.jobs") == before


def test_the_soft_alarm_is_held_back_while_commit_is_on_its_way(rig: Rig) -> None:
    ready(rig, workers=1, timeout=1.0, grace=20.0)
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        conn.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(2.5); RETURN NULL; END $$"
        )
        conn.execute(
            "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )
    put(rig, "transaction", "kept")
    rig.until(rig.drained, "committed, although its time was over meanwhile")
    assert rig.rows("SELECT text FROM effects") == [("kept",)]
    assert rig.rows("SELECT * FROM qsup.job_events") == []
    assert len(rig.lines()) == 1


def test_the_soft_alarm_rings_inside_the_handler_and_nowhere_else() -> None:
    limit = SoftLimit()
    before = signal.getsignal(signal.SIGALRM)
    limit.install()
    try:
        limit.start(0.3)
        with pytest.raises(TimeLimit), limit:
            time.sleep(5)
        limit.start(0.3)
        time.sleep(0.5)
        with limit:
            limit.start(0.3)
            limit.hold()
            time.sleep(0.5)
        with limit:
            limit.start(0.3)
        time.sleep(0.5)
    finally:
        signal.signal(signal.SIGALRM, before)
