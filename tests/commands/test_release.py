"""`qsup release`: a job is ready now, uncharged, and runs again; without anybody's help when its supervisor is gone."""

from __future__ import annotations

import psycopg

from tests.commands.operator import WHO, Operator
from tests.commands.solos import QUEUES, Solos
from tests.supervise.rig import Run, alive


def test_a_scheduled_job_need_not_wait_for_its_time(run: Run, ann: Operator) -> None:
    run.start()
    [(job,)] = run.rows("SELECT id FROM qsup.dispatch('Pay', '{\"text\": \"later\"}', delay => '1 hour')")
    assert "released, it need not wait for its time" in ann.says("release", str(job))
    run.waits_for("end later")
    assert run.rows("SELECT kind, detail FROM qsup.job_events") == [("released", f"released by {WHO} (command 1)")]


def test_a_running_job_is_killed_uncharged_and_runs_again(run: Run, ann: Operator) -> None:
    run.start()
    job = run.dispatch("long", until="go")
    worker = int(run.waits_for("begin long")[4])
    assert ann.hears("release", str(job))["result"] == "released"
    assert not alive(worker)
    begun = run.waits_for("begin long", times=2)
    assert begun[2:4] == ["1", "0"], "it was charged"
    run.let_go("go")
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin long")) == 2
    assert run.rows("SELECT kind, detail FROM qsup.job_events") == [("released", f"released by {WHO} (command 1)")]


def test_a_ready_job_stays_where_it_is(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("pause", "payments")
    job = run.dispatch("held")
    before = run.rows("SELECT seq FROM qsup.jobs")
    assert "it is ready already" in ann.says("release", str(job))
    assert run.rows("SELECT seq FROM qsup.jobs") == before


def gone(run: Run, *, lease: str) -> int:
    """A job that was claimed by a supervisor which has not been heard of for a minute."""
    assert run.command("apply").returncode == 0
    job = run.dispatch("lost")
    with psycopg.connect(run.dsn, autocommit=True) as conn:
        conn.execute(
            "UPDATE qsup.jobs SET state = 'running', claim_number = 1, attempts = 1, reserved_at = now(),"
            " reserved_by = 'gone/payments:0', lease_until = now() + %s::interval",
            (lease,),
        )
        conn.execute(
            "INSERT INTO qsup.supervisors (id, host, pid, code, config_file, generation, declares, beat_at)"
            " VALUES ('gone', 'away', 1, '0', 'queues.yaml', 1, '{}', now() - interval '1 minute')"
        )
    return job


def test_a_job_of_a_silent_supervisor_is_given_back_when_its_lease_is_over(run: Run, ann: Operator) -> None:
    job = gone(run, lease="-1 second")
    assert f"job {job}: released" in ann.says("release", str(job))
    assert run.rows("SELECT state, attempts, claim_number FROM qsup.jobs") == [("ready", 0, 1)]


def test_before_that_only_with_force_because_it_may_run_twice(run: Run, ann: Operator) -> None:
    job = gone(run, lease="10 minutes")
    code, said = ann.tries("release", str(job))
    assert (code, "--force gives it back now" in said) == (3, True)
    assert run.rows("SELECT state FROM qsup.jobs") == [("running",)]
    assert run.rows("SELECT id FROM qsup.commands") == []
    ann.says("release", str(job), "--force")
    assert run.rows("SELECT state, attempts FROM qsup.jobs") == [("ready", 0)]


def test_a_cancel_of_a_silent_supervisors_job_stays_open_until_it_is_taken_from_it(run: Run, ann: Operator) -> None:
    job = gone(run, lease="10 minutes")
    code, said = ann.tries("cancel", str(job), "--timeout", "1s")
    assert (code, "its supervisor is silent" in said) == (124, True)
    ann.says("release", str(job), "--force")
    run.write(QUEUES)
    run.start()
    run.until(lambda: run.rows("SELECT cause FROM qsup.failed_jobs") == [("cancelled",)], "it is cancelled")
    assert run.diary("begin") == []


def test_a_solo_worker_gives_its_job_back(solos: Solos, ann: Operator) -> None:
    solos.worker()
    job = solos.dispatch("long", until="go")
    solos.waits_for("begin long")
    assert ann.hears("release", str(job))["result"] == "released"
    assert solos.waits_for("begin long", times=2)[2:4] == ["1", "0"]
    solos.let_go("go")
    solos.waits_for_jobs_to_end()


def test_releasing_a_run_that_ends_meanwhile_touches_no_later_run(run: Run, ann: Operator) -> None:
    run.start()
    run.dispatch("first", until="go")
    run.waits_for("begin first")
    with psycopg.connect(run.dsn, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO qsup.commands (who, verb, subject, arguments) SELECT 'ann', 'release', id::text,"
            " jsonb_build_object('job', id, 'step', 'run', 'claim', claim_number - 1) FROM qsup.jobs"
        )
        conn.execute("NOTIFY qsup_command")
    run.until(lambda: run.rows("SELECT result FROM qsup.commands") == [("its run had ended before",)], "it is closed")
    run.let_go("go")
    run.waits_for_jobs_to_end()
    assert len(run.diary("begin first")) == 1
    assert ann.tries("release", "999")[0] == 1
