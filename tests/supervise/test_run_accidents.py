"""Whole runs of which a part is killed, hangs or goes away in the middle of a job: the job is done, and done once."""

from __future__ import annotations

import os
import signal

import psycopg

from tests.supervise.rig import QUEUES, Run, alive, end


def test_a_worker_killed_in_a_job_is_replaced_and_the_job_runs_again(run: Run) -> None:
    run.start()
    run.dispatch("pay", how="die once")
    assert run.waits_for("begin pay", times=2)[:4] == ["begin", "pay", "1", "1"], "a crash was charged as a try"
    run.waits_for("end pay")
    run.says("died by signal 9 in job")
    run.settles()
    events = run.rows("SELECT kind, detail FROM qsup.job_events")
    assert [kind for kind, _ in events] == ["crash"]
    assert "signal 9" in events[0][1]


def test_the_courier_is_killed_in_the_middle_of_a_job(run: Run) -> None:
    run.start()
    courier, workers = run.state["courier"]["pid"], run.pids()
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    end(courier)
    run.until(lambda: run.state["courier"]["pid"] not in (0, courier), "another courier runs")
    run.dispatch("short")
    run.waits_for("end short")
    run.let_go("go")
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin long")) == 1
    assert run.pids() == workers


def test_the_template_is_killed_in_the_middle_of_a_job(run: Run) -> None:
    run.start()
    [template] = run.state["template"].values()
    run.dispatch("long", until="go")
    worker = int(run.waits_for("begin long")[4])
    end(template["pid"])
    run.says("the last one left: its template died")
    assert alive(worker), "the busy worker was not left in peace"
    run.dispatch("short")
    run.waits_for("end short")
    run.let_go("go")
    run.settles()
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin long")) == 1
    assert not alive(worker)


def test_the_supervisor_is_killed_and_the_next_one_takes_over(run: Run) -> None:
    first = run.start()
    run.dispatch("long", until="go")
    worker = int(run.waits_for("begin long")[4])
    first.kill()
    first.wait()
    run.spawn()
    run.until(
        lambda: run.state and "leaving" in {one["state"] for one in run.state["slots"].values()}, "it is taken over"
    )
    assert worker in {slot["pid"] for slot in run.state["slots"].values()}
    run.dispatch("short")
    run.waits_for("end short")
    run.let_go("go")
    run.settles()
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin long")) == 1


def test_changed_numbers_reach_workers_that_keep_their_pid(run: Run) -> None:
    run.start()
    before = run.pids()
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "tries": 1}})
    run.says("tries 3 → 1 (living workers follow)")
    run.until(lambda: run.state["declared"] == 2, "the new rules are declared")
    run.dispatch("pay", how="die once")
    run.waits_for("end pay")
    run.settles()
    assert {pid for slot, pid in run.pids().items() if slot.startswith("sms")} <= set(before.values())


def test_a_bad_edit_changes_nothing_and_is_shown(run: Run) -> None:
    run.start()
    before = run.pids()
    (run.project / "queues.yaml").write_text("version: 1\nqueues:\n  payments: {workers: many}\n")
    run.until(lambda: run.state["rejected"] is not None, "the edit is refused")
    run.says("queues.yaml:3:")
    run.dispatch("hello")
    run.waits_for("end hello")
    assert run.pids() == before
    assert run.state["generation"] == 1
    run.write(QUEUES)
    run.until(lambda: run.state["rejected"] is None, "the good file is accepted again")
    assert run.pids() == before


def test_a_job_that_ignores_its_time_limit_is_killed_and_charged(run: Run) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "timeout": "1s", "grace": "1s", "tries": 1}})
    run.start()
    job = run.dispatch("long", until="never")
    worker = int(run.waits_for("begin long")[4])
    os.kill(worker, signal.SIGSTOP)
    run.until(lambda: run.rows("SELECT id FROM qsup.failed_jobs") == [(job,)], "the job has failed")
    run.says("was killed over its time limit in job")
    run.settles()


def test_a_database_that_is_away_stops_nothing_but_claiming(run: Run, dsn: str) -> None:
    run.start()
    workers, courier = run.pids(), run.state["courier"]["pid"]
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'qsup:%'")
    run.says("outcomes are kept")
    run.let_go("go")
    run.waits_for_jobs_to_end()
    assert run.pids() == workers
    assert run.state["courier"]["pid"] == courier
    assert len(run.diary("begin long")) == 1


def test_a_courier_and_a_template_that_hang_are_replaced(run: Run) -> None:
    run.start()
    [template] = run.state["template"].values()
    courier = run.state["courier"]["pid"]
    run.dispatch("long", until="go")
    worker = int(run.waits_for("begin long")[4])
    for pid in (template["pid"], courier):
        os.kill(pid, signal.SIGSTOP)
    run.says("no answer for 5 s")
    run.until(lambda: not alive(template["pid"]) and not alive(courier), "both are dead")
    run.dispatch("short")
    run.waits_for("end short")
    assert alive(worker)
    run.let_go("go")
    run.settles()
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin long")) == 1


def test_a_worker_without_a_template_is_killed_at_its_deadline_by_the_supervisor(run: Run) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "timeout": "2s", "grace": "1s", "tries": 1}})
    run.start()
    [template] = run.state["template"].values()
    job = run.dispatch("long", until="never")
    worker = int(run.waits_for("begin long")[4])
    end(template["pid"])
    os.kill(worker, signal.SIGSTOP)
    run.until(lambda: run.rows("SELECT id FROM qsup.failed_jobs") == [(job,)], "the job has failed")
    run.says("was killed over its time limit in job")
    run.settles()


def test_everything_but_the_workers_is_killed_at_once_and_the_job_runs_once(run: Run) -> None:
    first = run.start()
    [template] = run.state["template"].values()
    courier = run.state["courier"]["pid"]
    run.dispatch("long", until="go")
    worker = int(run.waits_for("begin long")[4])
    for pid in (first.pid, template["pid"], courier):
        end(pid)
    first.wait()
    run.spawn()
    run.until(lambda: worker in {one["pid"] for one in run.state.get("slots", {}).values()}, "it is taken over")
    run.dispatch("short")
    run.waits_for("end short")
    run.let_go("go")
    run.settles()
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin long")) == 1
    assert not alive(worker)
