"""Whole runs: a real supervisor, courier, template, workers and PostgreSQL, and what is done to them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.supervise.rig import QUEUES, Run, end


@pytest.fixture
def run(project: Path, dsn: str) -> Iterator[Run]:
    rig = Run(project, dsn)
    yield rig
    rig.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_that_is_dispatched_is_run(run: Run) -> None:
    run.start()
    run.dispatch("hello")
    run.waits_for("end hello")
    run.waits_for_jobs_to_end()


def test_it_says_what_runs_and_how_to_stop(run: Run) -> None:
    run.start()
    for what in ("queues.yaml; save it", "payments 2, sms 1", "qsup dispatch Pay", "Ctrl-C", "from QSUP_DATABASE_URL"):
        run.says(what)


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


def test_a_second_supervisor_refuses_and_names_the_first(run: Run) -> None:
    first = run.start()
    second = run.command("run")
    assert second.returncode == 1
    assert f"another `qsup run` works in this project: pid {first.pid}, since" in second.stderr
    assert "Traceback" not in second.stderr


def test_an_edit_adds_and_removes_queues_and_leaves_the_others_alone(run: Run) -> None:
    run.start()
    before = run.pids()
    run.write({"payments": QUEUES["payments"], "reports": {"workers": 2}})
    after = run.settles(payments=2, reports=2)
    assert {slot: after[slot] for slot in ("payments:0", "payments:1")} == {
        slot: before[slot] for slot in ("payments:0", "payments:1")
    }
    run.says("queue reports added: 2 workers; queue sms removed")
    assert run.state["generation"] == 2


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


def test_new_code_replaces_the_workers_after_hup_and_broken_code_does_not(run: Run) -> None:
    process = run.start()
    before = set(run.pids().values())
    (run.project / "shop.py").write_text("import qsup\n\ndef pay(:\n")
    process.send_signal(signal.SIGHUP)
    run.says("shop.py:3: SyntaxError")
    assert run.state["rejected"]["problems"][0]["message"].startswith("shop.py:3")
    assert set(run.pids().values()) == before
    run.code("two")
    process.send_signal(signal.SIGHUP)
    run.until(lambda: len(run.pids()) == 3 and not before & set(run.pids().values()), "all are new")
    run.dispatch("pay")
    assert run.waits_for("begin pay")[5] == "two"


def test_code_that_is_broken_at_the_start_ends_it_with_the_line(run: Run) -> None:
    (run.project / "shop.py").write_text("import qsup\nimport no_such_library\n")
    assert run.spawn().wait(30) == 1
    assert "shop.py:2: ModuleNotFoundError" in run.output()


def test_a_file_that_is_wrong_at_the_start_ends_it_with_exit_78(run: Run) -> None:
    (run.project / "queues.yaml").write_text("version: 1\nqueues: {payments: {worker: 2}}\n")
    assert run.spawn().wait(30) == 78
    assert "queues.yaml:2:" in run.output()


def test_term_lets_running_jobs_finish_and_leaves_nothing_behind(run: Run) -> None:
    process = run.start()
    pids = [*run.pids().values(), run.state["courier"]["pid"], *(one["pid"] for one in run.state["template"].values())]
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    process.send_signal(signal.SIGTERM)
    run.until(lambda: run.state["stopping"], "it is stopping")
    late = run.dispatch("late")
    run.let_go("go")
    assert process.wait(30) == 0
    assert len(run.diary("end long")) == 1
    assert run.rows("SELECT id, state FROM qsup.jobs") == [(late, "ready")]
    assert not [pid for pid in pids if alive(pid)]
    assert not run.run.state.exists()


@pytest.mark.parametrize("signals", [[signal.SIGQUIT], [signal.SIGTERM, signal.SIGTERM]], ids=["QUIT", "TERM twice"])
def test_an_immediate_stop_gives_the_job_back_uncharged(run: Run, signals: list[signal.Signals]) -> None:
    process = run.start()
    job = run.dispatch("long", until="never")
    run.waits_for("begin long")
    for number in signals:
        process.send_signal(number)
        run.until(lambda: process.poll() is not None or run.state.get("stopping"), "the signal has arrived")
    assert process.wait(30) == 0
    assert run.rows("SELECT id, state, attempts, crashes FROM qsup.jobs") == [(job, "ready", 0, 0)]


def test_a_pause_holds_jobs_back_until_cont(run: Run) -> None:
    process = run.start()
    process.send_signal(signal.SIGUSR2)
    run.says("pause claiming")
    run.dispatch("held")
    process.send_signal(signal.SIGTTIN)
    run.says("payments:0: serving")
    assert run.diary("begin held") == []
    process.send_signal(signal.SIGCONT)
    run.waits_for("end held")


def test_a_plan_shows_what_an_edit_would_do_and_does_nothing(run: Run) -> None:
    assert "a start would" in run.command("plan").stdout
    process = run.start()
    before = run.pids()
    assert "nothing to do" in run.command("plan").stdout
    # While it is stopped the supervisor cannot follow the edit, so that the plan has something to show.
    process.send_signal(signal.SIGSTOP)
    run.write({"payments": {**QUEUES["payments"], "memory": "256MB"}, "reports": {"workers": 1}})
    planned = json.loads(run.command("plan", "--json").stdout)
    run.write(QUEUES)
    process.send_signal(signal.SIGCONT)
    assert planned["running"] is True
    assert planned["workers"] == [
        f"replace payments:0 (pid {before['payments:0']}): memory 128MB → 256MB",
        f"replace payments:1 (pid {before['payments:1']}): memory 128MB → 256MB",
        "start reports:0",
        f"drain sms:0 (pid {before['sms:0']}): it finishes its job and leaves",
    ]
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


def test_ctrl_c_at_a_terminal_reaches_the_supervisor_alone_and_drains(run: Run) -> None:
    process = run.start()
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    os.killpg(process.pid, signal.SIGINT)
    run.until(lambda: run.state["stopping"], "it is stopping")
    run.let_go("go")
    assert process.wait(30) == 0
    assert len(run.diary("end long")) == 1


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


def test_a_database_without_the_schema_is_refused_at_the_start_with_what_to_do(project: Path, empty_dsn: str) -> None:
    run = Run(project, empty_dsn)
    assert run.spawn().wait(60) == 1
    assert "qsup migrate" in run.output()
    assert "Traceback" not in run.output()
    run.close()


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


def test_exec_workers_import_the_code_themselves_and_may_start_threads(run: Run) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "start": "exec"}})
    shop = (run.project / "shop.py").read_text()
    (run.project / "shop.py").write_text(shop + "\nimport threading\nthreading.Timer(600, print).start()\n")
    process = run.start()
    run.dispatch("hello")
    worker = int(run.waits_for("begin hello")[4])
    run.waits_for("end hello")
    assert b"qsup.worker" in Path(f"/proc/{worker}/cmdline").read_bytes()
    process.terminate()
    assert process.wait(60) == 0
