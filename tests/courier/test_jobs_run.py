"""From dispatch to done, with a real courier, template and workers."""

from __future__ import annotations

import json
import os
import signal

import psycopg

from qsup.messages import Applied, Signal
from qsup.routing import Route
from tests.courier.rig import Rig, a_queue, a_routing


def put(rig: Rig, how: str = "done", text: str = "x", queue: str | None = None, **options: object) -> int:
    """Dispatch a Note."""
    payload = json.dumps({"path": str(rig.notes), "text": text, "how": how} | options)
    [(number,)] = rig.window.does("SELECT id FROM qsup.dispatch('Note', %s, queue => %s)", (payload, queue))
    return int(number)


def put_at_once(rig: Rig, number: int, **options: object) -> None:
    """So many Notes in one commit: a slow dispatcher is no busy queue."""
    payload = json.dumps({"path": str(rig.notes), "text": "x", "how": "done"} | options)
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        conn.execute("SELECT qsup.dispatch('Note', %s) FROM generate_series(1, %s)", (payload, number))


def ready(rig: Rig, **settings: object) -> None:
    """Two workers on one queue, applied and in their loops."""
    hook = Route(job="Note", queue="q", handler="rigjobs:note", failed="rigjobs:hook")
    rig.configure(a_routing(a_queue("q", **({"workers": 2} | settings)), routes={"Note": hook}))
    rig.until(lambda: rig.heard(Applied) and rig.serving(), "applied and serving")


def test_a_job_is_done_and_its_row_is_gone(rig: Rig) -> None:
    ready(rig)
    number = put(rig)
    rig.until(rig.drained, "the job is done")
    assert [line.split()[0] for line in rig.lines()] == [str(number)]
    assert rig.rows("SELECT * FROM qsup.job_events") == []


def test_behind_its_last_job_a_worker_is_idle_on_the_board_and_under_no_time_limit(rig: Rig) -> None:
    ready(rig, workers=1)
    put_at_once(rig, 30)
    rig.until(rig.drained, "the jobs are done")

    def shown() -> tuple[str, int, float]:
        record = rig.board.read(rig.indexes["q:0"])
        assert record is not None
        return record.state, record.job, record.deadline

    rig.until(lambda: shown() == ("idle", 0, 0.0), "nothing is left of the last job")


def test_an_exception_is_tried_again_and_then_failed_with_its_story_and_its_hook(rig: Rig) -> None:
    ready(rig)
    number = put(rig, "raise", "luck")
    rig.until(rig.drained, "the job has failed and its hook has run")
    assert [line.split()[1] for line in rig.lines()[:3]] == ["1", "2", "3"]
    assert rig.lines()[3] == f"{number} hook: no luck"
    assert rig.rows("SELECT id, cause, exception, message, attempts FROM qsup.failed_jobs") == [
        (number, "tries", "ValueError", "no luck", 3)
    ]
    assert rig.rows("SELECT kind FROM qsup.job_events ORDER BY id") == [("retry",), ("retry",), ("tries",)]


def test_a_killed_worker_charges_a_crash_not_an_attempt_and_says_by_which_signal(rig: Rig) -> None:
    ready(rig)
    number = put(rig, "die")
    rig.until(rig.drained, "quarantined after three crashes")
    runs = [line.split() for line in rig.lines()]
    assert [(run[1], run[2]) for run in runs[:3]] == [("1", "0"), ("1", "1"), ("1", "2")]
    assert rig.rows("SELECT id, cause, crashes FROM qsup.failed_jobs") == [(number, "quarantined", 3)]
    details = [detail for (detail,) in rig.rows("SELECT detail FROM qsup.job_events WHERE kind = 'crash'")]
    assert details == ["its worker was killed by signal 9 (SIGKILL)"] * 2


def test_retry_and_discard_and_unprintable_errors_and_progress_end_as_they_say(rig: Rig) -> None:
    ready(rig)
    later, never = put(rig, "retry"), put(rig, "discard", "this")
    ugly, half = put(rig, "nul"), put(rig, "progress")
    rig.until(rig.drained, "all ended")
    failed = dict(rig.rows("SELECT id, cause || ': ' || message FROM qsup.failed_jobs"))
    assert failed == {never: "discarded: never this", ugly: r"tries: a\0b\ud800"}
    events = rig.rows("SELECT job_id, kind, value FROM qsup.job_events WHERE value IS NOT NULL ORDER BY job_id, id")
    assert (later, "retry", 0.05) in events
    assert (half, "progress", 40.0) in events


def test_a_transaction_and_the_end_of_the_job_are_one(rig: Rig) -> None:
    ready(rig)
    put(rig, "transaction", "a")
    put(rig, "raise after commit", "b")
    put(rig, "die in transaction", "c")
    put(rig, "chain", "d")
    rig.until(rig.drained, "all ended")
    assert sorted(rig.rows("SELECT text FROM effects")) == [("a",), ("b",), ("c",), ("d",)]
    assert rig.rows("SELECT kind FROM qsup.job_events") == [("crash",)]
    assert rig.rows("SELECT * FROM qsup.failed_jobs") == []
    assert [line.split()[-1] for line in rig.lines()].count("next") == 1


def test_what_was_written_over_ctx_connect_stays_when_the_job_fails(rig: Rig) -> None:
    ready(rig, tries=1)
    number = put(rig, "keep and raise", "fact")
    rig.until(rig.drained, "the job has failed")
    assert rig.rows("SELECT text FROM effects") == [("fact",)]
    assert rig.rows("SELECT id, message FROM qsup.failed_jobs") == [(number, "kept")]


def test_an_async_handler_and_its_transaction(rig: Rig) -> None:
    rig.configure(a_routing(a_queue("q"), routes={"Note": Route(job="Note", queue="q", handler="rigjobs:anote")}))
    rig.until(lambda: rig.heard(Applied), "applied")
    put(rig, text="async")
    rig.until(rig.drained, "done")
    assert rig.rows("SELECT text FROM effects") == [("async",)]


def test_an_edit_of_the_limits_reaches_living_workers_and_a_hanging_handler_is_killed(rig: Rig) -> None:
    ready(rig, timeout=0.3, grace=0.5, tries=1)
    number = put(rig, seconds=60.0)
    rig.until(rig.drained, "the time limit is over")
    assert rig.rows("SELECT id, cause, message FROM qsup.failed_jobs") == [
        (number, "tries", "over its time limit of 0.3 s")
    ]


def test_history_is_kept_where_the_queue_says_so(rig: Rig) -> None:
    ready(rig, keep=3600.0)
    first, second = put(rig), put(rig, "transaction", "t")
    rig.until(rig.drained, "done")
    assert sorted(rig.rows("SELECT id FROM qsup.history")) == [(first,), (second,)]


def test_kill_9_of_the_courier_in_the_middle_of_work_loses_and_doubles_nothing(rig: Rig) -> None:
    ready(rig)
    for number in range(300):
        put(rig, "transaction", str(number))
        if number % 100 == 50:
            rig.new_courier()
    rig.until(rig.drained, "all done", 60)
    texts = [text for (text,) in rig.rows("SELECT text FROM effects")]
    assert sorted(texts, key=int) == [str(number) for number in range(300)]


def test_a_job_that_runs_while_the_courier_dies_is_reported_to_the_next_one(rig: Rig) -> None:
    ready(rig)
    number = put(rig, seconds=1.5)
    other = put(rig, seconds=0.0)
    rig.until(lambda: len(rig.lines()) == 2, "both began")
    rig.new_courier()
    rig.until(rig.drained, "the outcome came home")
    assert sorted(int(line.split()[0]) for line in rig.lines()) == sorted([number, other])
    assert rig.rows("SELECT * FROM qsup.job_events") == []


def test_kill_9_of_workers_at_random_moments_runs_every_job(rig: Rig) -> None:
    ready(rig)
    for number in range(200):
        put(rig, "transaction", str(number))
    for kills in range(2, 12, 2):
        rig.until(rig.progress_of(5), "some progress")
        for pid in rig.workers.values():
            os.kill(pid, signal.SIGKILL)
        rig.until(rig.replaced_after(kills), "new workers")
    rig.until(rig.drained, "all done", 60)
    assert len(rig.rows("SELECT text FROM effects")) == 200
    assert rig.rows("SELECT * FROM qsup.failed_jobs") == []


def test_a_worker_asked_to_leave_in_the_middle_of_a_backlog_leaves_and_its_next_job_runs_elsewhere(rig: Rig) -> None:
    ready(rig)
    for _ in range(100):
        put(rig)
    rig.until(rig.progress_of(5), "work is going on")
    for slot, pid in rig.workers.items():
        rig.template.channel.send(Signal(slot, pid, signal.SIGTERM))
    rig.until(rig.replaced_after(2), "both have left and were replaced")
    rig.until(rig.drained, "all done")
    assert [death.status for death in rig.deaths] == [0, 0]
    assert len({line.split()[0] for line in rig.lines()}) == len(rig.lines()) == 100


def test_every_outcome_is_acknowledged_whatever_crosses_a_farewell(rig: Rig) -> None:
    ready(rig, workers=4)
    for _ in range(400):
        put(rig)
    for replaced in range(4, 24, 4):
        rig.until(rig.progress_of(20), "work is going on")
        for slot, pid in rig.workers.items():
            rig.template.channel.send(Signal(slot, pid, signal.SIGTERM))
        rig.until(rig.replaced_after(replaced), "all have left, none waits for an acknowledgement")
    rig.until(rig.drained, "all done")
    assert {death.status for death in rig.deaths} == {0}
    assert len({line.split()[0] for line in rig.lines()}) == len(rig.lines()) == 400


def test_the_worker_s_log_says_what_went_wrong_with_its_slot_in_front(rig: Rig) -> None:
    ready(rig, workers=1, tries=1)
    number = put(rig, "raise", "luck")
    wrong = put(rig, colour="secret-red")
    rig.until(rig.drained, "both have failed")
    log = rig.template.log.read_text().splitlines()
    assert f"[q:0] job {number} Note, try 1 of 1: ValueError: no luck" in log
    assert any(line.startswith("[q:0]   File ") and line.endswith(", in note") for line in log)
    assert f"[q:0] failed hook of job {wrong} Note, try 3 of 3: ValidationError: not a payload of Note" in "\n".join(
        log
    )
    assert any(f"job {wrong} Note" in line and "colour: Extra inputs are not permitted" in line for line in log)
    assert "secret-red" not in "\n".join(log)
    assert all(line.startswith("[q:0] ") for line in log)
