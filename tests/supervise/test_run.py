"""Whole runs: a real supervisor, courier, template, workers and PostgreSQL, and what is done to them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.supervise.rig import QUEUES, Run, alive


def test_a_job_that_is_dispatched_is_run(run: Run) -> None:
    run.start()
    run.dispatch("hello")
    run.waits_for("end hello")
    run.waits_for_jobs_to_end()


def test_it_says_what_runs_and_how_to_stop(run: Run) -> None:
    run.start()
    for what in ("queues.yaml; save it", "payments 2, sms 1", "qsup dispatch Pay", "Ctrl-C", "from QSUP_DATABASE_URL"):
        run.says(what)


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


def test_new_code_replaces_the_workers_after_hup_and_broken_code_does_not(run: Run) -> None:
    process = run.start()
    before = set(run.pids().values())
    with (run.project / "shop.py").open("a") as shop:
        shop.write("raise RuntimeError('half done')\n")
    process.send_signal(signal.SIGHUP)
    run.says("RuntimeError: half done")
    refused = run.refused()[0]
    assert (refused["code"], refused["message"].partition(":")[0]) == ("Q000", "shop.py")
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


def test_ctrl_c_at_a_terminal_reaches_the_supervisor_alone_and_drains(run: Run) -> None:
    process = run.start()
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    os.killpg(process.pid, signal.SIGINT)
    run.until(lambda: run.state["stopping"], "it is stopping")
    run.let_go("go")
    assert process.wait(30) == 0
    assert len(run.diary("end long")) == 1


def test_a_database_without_the_schema_is_refused_at_the_start_with_what_to_do(project: Path, empty_dsn: str) -> None:
    run = Run(project, empty_dsn)
    assert run.spawn().wait(60) == 1
    assert "qsup migrate" in run.output()
    assert "Traceback" not in run.output()
    run.close()


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
