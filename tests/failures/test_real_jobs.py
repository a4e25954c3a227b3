"""Failed, retried and late jobs with a real courier, template and workers."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

import psycopg

from qsup import store
from qsup.messages import Applied, Pause
from qsup.operating import begin
from qsup.outcome import Failed, Report
from qsup.retrying import retry
from qsup.routing import Route
from tests.courier.rig import Rig, a_queue, a_routing
from tests.courier.test_jobs_run import put

HOOKED = Route(job="Note", queue="q", handler="rigjobs:note", failed="rigjobs:hook")
PLAIN = Route(job="Note", queue="q", handler="rigjobs:note")


def ready(rig: Rig, route: Route = PLAIN, **settings: Any) -> None:
    """Two workers on one queue that give up at the first failure."""
    values: dict[str, Any] = {"workers": 2, "tries": 1} | settings
    rig.configure(a_routing(a_queue("q", **values), routes={"Note": route}))
    rig.until(lambda: rig.heard(Applied) and rig.serving(), "applied and serving")


def retried(rig: Rig, number: int, **payload: object) -> None:
    """Retry it, perhaps with other values in its payload."""
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        for name, value in payload.items():
            conn.execute("UPDATE qsup.failed_jobs SET payload = payload || jsonb_build_object(%s::text, %s::text)",
                         (name, value))  # fmt: skip
        [answer] = retry(conn, begin(conn, "retry", "", {}), [number], None)
    assert answer.refused == "", answer


def test_a_failed_job_carries_its_place_or_its_signal(rig: Rig) -> None:
    ready(rig, timeout=0.4, max_crashes=1)
    raised, discarded = put(rig, "raise"), put(rig, "discard")
    died, slow = put(rig, "die"), put(rig, seconds=20)
    rig.until(rig.drained, "all have failed")
    found = {row[0]: row[1:] for row in rig.rows("SELECT id, exception, frame, symptom FROM qsup.failed_jobs")}
    assert found == {
        raised: ("ValueError", "rigjobs.py:note", ""),
        discarded: ("qsup.Discard", "rigjobs.py:note", ""),
        died: ("", "", "its worker was killed by signal 9 (SIGKILL)"),
        slow: ("qsup.perform.TimeLimit", "rigjobs.py:note", "timeout"),
    }


def test_a_retried_job_runs_under_the_same_id_and_can_succeed(rig: Rig) -> None:
    ready(rig)
    number = put(rig, "raise", "first")
    rig.until(rig.drained, "it has failed")
    retried(rig, number)
    rig.until(lambda: rig.drained() and len(rig.lines()) == 2, "it has failed again")
    assert rig.rows("SELECT id, claim_number > 1 FROM qsup.failed_jobs") == [(number, True)]
    retried(rig, number, how="done", text="last")
    rig.until(rig.drained, "it is done")
    assert rig.rows("SELECT id FROM qsup.failed_jobs") == []
    assert [line.split()[:3] + line.split()[4:] for line in rig.lines()] == [
        [str(number), "1", "0", "first"],
        [str(number), "1", "0", "first"],
        [str(number), "1", "0", "last"],
    ]


def test_a_worker_that_comes_back_late_does_not_end_the_retried_job(rig: Rig) -> None:
    ready(rig)
    number = put(rig, seconds=0.5)
    rig.until(rig.lines, "it runs")
    late = int(rig.lines()[0].split()[3])
    os.kill(late, signal.SIGSTOP)
    try:
        [(claim,)] = rig.rows("SELECT claim_number FROM qsup.jobs")
        with psycopg.connect(rig.dsn, autocommit=True) as conn:
            # As another host's courier would, after a rescue and its own last try.
            report = Report(kind="error", reason="x", exception="ValueError")
            assert store.fail(conn, [((number, claim), Failed("tries", "x"), report, False)]) == {number}
            conn.execute("UPDATE qsup.failed_jobs SET payload = payload || '{\"seconds\": 5}'")
            retry(conn, begin(conn, "retry", "", {}), [number], None)
        rig.until(lambda: len(rig.lines()) == 2, "the other worker runs it again")
    finally:
        os.kill(late, signal.SIGCONT)
    put(rig, text="marker")
    rig.until(
        lambda: str(late) in marker(rig) and len(rig.rows("SELECT id FROM qsup.jobs")) == 1,
        "the late worker has reported and taken the next job",
    )
    [(left, state, current)] = rig.rows("SELECT id, state, claim_number FROM qsup.jobs")
    assert (left, state, current > claim) == (number, "running", True)
    rig.until(rig.drained, "it ends by its own claim")
    assert rig.rows("SELECT id FROM qsup.failed_jobs") == []
    assert [line.split()[0] for line in rig.lines()].count(str(number)) == 2


def marker(rig: Rig) -> list[str]:
    """The words of the marker's line."""
    return next((line.split() for line in rig.lines() if line.endswith("marker")), [])


def test_a_failed_hook_that_has_left_the_file_ends_and_the_job_stays_failed(rig: Rig) -> None:
    ready(rig, HOOKED)
    number = put(rig, "raise", "luck", seconds=0.5)
    rig.until(rig.lines, "it runs")
    rig.courier.channel.send(Pause(True))
    rig.until(lambda: rig.rows("SELECT id FROM qsup.jobs WHERE step = 'failed'"), "its hook waits for a claim")
    assert rig.routing is not None
    rig.configure(replace(rig.routing, routes={"Note": PLAIN}), fill=False)
    rig.until(rig.drained, "the hook is dropped")
    assert rig.rows("SELECT id, message FROM qsup.failed_jobs") == [(number, "no luck")]
    assert rig.rows("SELECT kind, detail FROM qsup.job_events ORDER BY id") == [
        ("tries", "no luck"),
        ("hook failed", "its failed hook is not run: queues.yaml names none any more"),
    ]
    retried(rig, number, how="done", text="again")
    rig.until(rig.drained, "it can be retried now")
    assert rig.lines()[-1].endswith("again")
