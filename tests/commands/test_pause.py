"""`qsup pause` and `qsup resume`: nobody claims from a paused queue, whoever starts or dies meanwhile."""

from __future__ import annotations

import signal

import psycopg

from tests.commands.operator import WHO, Operator
from tests.commands.solos import QUEUES, Solos
from tests.supervise.rig import Run, end


def test_a_paused_queue_is_not_claimed_from_until_it_is_resumed(run: Run, ann: Operator) -> None:
    run.start()
    told = ann.hears("pause", "payments")
    assert told["answered"]
    assert [one["state"] for one in told["answers"]] == ["done"]
    run.dispatch("held")
    ann.says("pause", "sms")
    ann.says("resume", "sms")
    assert run.rows("SELECT state, claim_number FROM qsup.jobs") == [("ready", 0)], "it was claimed"
    ann.says("resume", "payments")
    run.waits_for("end held")


def test_running_jobs_finish_and_wait_says_when_the_last_one_has(run: Run, ann: Operator) -> None:
    run.start()
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    code, said = ann.tries("pause", "payments", "--wait", "--timeout", "1s")
    assert code == 124
    assert "1 still running" in said
    waiting = ann.calls("pause", "payments", "--wait")
    run.let_go("go")
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, said
    assert "nothing of it runs" in said
    assert run.diary("end long")


def test_every_command_leaves_who_when_what_and_its_result(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("pause", "payments")
    ann.says("resume", "payments")
    assert run.rows("SELECT who, verb, subject, result, done_at >= at FROM qsup.commands ORDER BY id") == [
        (WHO, "pause", "payments", "done by 1", True),
        (WHO, "resume", "payments", "done by 1", True),
    ]


def test_dispatching_to_a_paused_queue_is_accepted_with_a_warning(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("pause", "payments")
    [(warning,)] = run.rows("SELECT warning FROM qsup.dispatch('Pay', '{\"text\": \"held\"}')")
    assert f"payments is paused by {WHO} since " in warning
    ann.says("resume", "payments")
    heard = "SELECT FROM qsup.supervisors WHERE 'payments' = ANY (listens)"
    run.until(lambda: run.rows(heard) != [], "the courier's heartbeat has said that it listens")
    assert run.rows("SELECT warning FROM qsup.dispatch('Pay', '{\"text\": \"next\"}')") == [(None,)]


def test_status_and_explain_show_who_has_paused_it(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("pause", "payments")
    for words in (["status"], ["explain", "payments"]):
        assert f"paused by {WHO} since " in run.command(*words).stdout
    assert "paused" not in run.command("explain", "sms").stdout


def test_a_pause_outlives_everybody(run: Run, ann: Operator) -> None:
    first = run.start()
    ann.says("pause", "payments")
    first.send_signal(signal.SIGTERM)
    first.wait(30)
    run.dispatch("held")
    run.start()
    end(run.state["courier"]["pid"])
    run.settles()
    ann.says("pause", "sms")
    assert run.rows("SELECT state, claim_number FROM qsup.jobs") == [("ready", 0)]
    ann.says("resume", "payments")
    run.waits_for("end held")


def test_nothing_is_claimed_after_the_answers(run: Run, ann: Operator, dsn: str) -> None:
    run.start()
    with psycopg.connect(dsn, autocommit=True) as conn:
        for _ in range(10):
            run.rows("SELECT qsup.dispatch_many(array_fill('Pay'::text, ARRAY[400]), "
                     "array_fill('{\"text\": \"short\"}'::jsonb, ARRAY[400]))")  # fmt: skip
            ann.says("pause", "payments")
            claims = "SELECT coalesce(max(claim_number), 0), count(*) FROM qsup.jobs WHERE state = 'ready'"
            before = conn.execute(claims).fetchone()
            ann.says("pause", "payments", "--wait")
            after = conn.execute(claims).fetchone()
            assert before is not None
            assert after is not None
            # What was given back uncharged (it waited behind a long one) may be ready again; nothing less.
            assert after[1] >= before[1], "claimed from a paused queue"
            ann.says("resume", "payments")
            run.waits_for_jobs_to_end()


def test_a_supervisor_that_does_not_answer_is_named(run: Run, ann: Operator) -> None:
    run.start()
    courier = run.state["courier"]["pid"]
    supervisor = run.processes[-1]
    supervisor.send_signal(signal.SIGSTOP)
    try:
        end(courier)
        code, said = ann.tries("pause", "payments", "--timeout", "1s")
    finally:
        supervisor.send_signal(signal.SIGCONT)
    assert code == 124
    assert "no answer in 1s" in said
    run.until(lambda: run.rows("SELECT result FROM qsup.commands") == [("done by 1",)], "it answers when it is back")


def test_a_pause_holds_without_anybody_to_answer(run: Run, ann: Operator) -> None:
    run.start().send_signal(signal.SIGTERM)
    run.processes[-1].wait(30)
    assert "it holds for those that start" in ann.says("pause", "payments")
    run.dispatch("held")
    run.start()
    ann.says("pause", "sms")
    assert run.rows("SELECT claim_number FROM qsup.jobs") == [(0,)]


def test_a_queue_that_nobody_declared_is_named_with_the_nearest_one(run: Run, ann: Operator) -> None:
    run.start()
    for verb in (["pause"], ["resume"], ["restart"], ["scale", "--reset"]):
        code, said = ann.tries(*verb, "paiments")
        assert (code, "did you mean payments?" in said) == (1, True), said


def test_two_supervisors_both_answer(run: Run, ann: Operator, second: Run) -> None:
    run.start()
    second.start()
    told = ann.hears("pause", "payments")
    assert [one["state"] for one in told["answers"]] == ["done", "done"]
    assert len({one["pid"] for one in told["answers"]}) == 2


def test_a_solo_worker_obeys_and_answers(solos: Solos, ann: Operator) -> None:
    solos.worker()
    told = ann.hears("pause", "payments")
    assert [one["state"] for one in told["answers"]] == ["done"]
    solos.dispatch("held")
    ann.says("pause", "payments")
    assert solos.rows("SELECT state, claim_number FROM qsup.jobs") == [("ready", 0)]
    ann.says("resume", "payments")
    solos.waits_for("end held")


def test_a_broken_file_does_not_keep_anybody_from_pausing(run: Run, ann: Operator) -> None:
    run.start()
    (run.project / "queues.yaml").write_text("version: 1\nqueues: [")
    assert run.command("pause", "payments").returncode == 0
    assert QUEUES["payments"]["workers"] == 2
    assert "payments is served again" in ann.says("resume", "payments")
