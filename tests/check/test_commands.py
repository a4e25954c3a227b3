"""`qsup validate`, `explain` and `schema` as a person or a CI runs them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests import forked
from tests.check.project import QUEUES, Project

ROOT = Path(__file__).parents[2]


def qsup(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return forked.run(*arguments, cwd=cwd, env={**os.environ, "NO_COLOR": "1", **environ})


def test_a_project_in_order_exits_0_with_one_line(project: Project) -> None:
    done = qsup("validate", cwd=project.root)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == (
        "queues.yaml: 3 queues, 3 workers, 1 job, 1 dispatch site (0 not verifiable): 0 errors, 1 warning"
    )
    assert lines[:-1] == [
        "queues.yaml:4:3: info: queue sms has no job yet [Q109]",
        "queues.yaml:5:3: warning: queue idle has no workers: what is dispatched to it is refused, "
        "give it `workers:` or `workers_of:` [Q108]",
    ]


def test_warnings_exit_1_only_when_strict(project: Project) -> None:
    assert qsup("validate", cwd=project.root).returncode == 0
    assert qsup("validate", "--strict", cwd=project.root).returncode == 1
    project.write("queues.yaml", QUEUES.replace("  idle: {workers: 0}\n", ""))
    assert qsup("validate", "--strict", cwd=project.root).returncode == 0


def test_an_error_in_the_code_exits_1(project: Project) -> None:
    project.write("app/site.py", "from jobs.classes import SmsJob\nSmsJob(to='x').dispatch()\n")
    done = qsup("validate", cwd=project.root)
    assert done.returncode == 1
    assert "app/site.py:2:1: SmsJob is dispatched here" in done.stdout


def test_an_error_in_the_file_exits_78_with_all_of_them(project: Project) -> None:
    project.write("queues.yaml", "version: 1\nqueues: {pay: {workers: x, tmeout: 3}}\n")
    done = qsup("validate", cwd=project.root)
    assert done.returncode == 78
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "queues.yaml:2:25:",
        "queues.yaml:2:28:",
        "queues.yaml:",
    ]


def test_no_file_exits_78_and_says_where_it_looked(tmp_path: Path) -> None:
    done = qsup("validate", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert str(tmp_path / "config/queues.yaml") in done.stderr
    assert "Traceback" not in done.stderr


def test_the_file_may_be_named_by_option_or_variable(project: Project, tmp_path: Path) -> None:
    file = str(project.root / "queues.yaml")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert qsup("validate", "-c", file, cwd=elsewhere).returncode == 0
    assert qsup("validate", cwd=elsewhere, QSUP_CONFIG=file).returncode == 0


def test_a_path_that_is_a_yaml_file_is_the_file_to_check(project: Project) -> None:
    project.write("other.yaml", "version: 2\nqueues: {pay: {workers: 1}}\n")
    done = qsup("validate", "other.yaml", cwd=project.root)
    assert done.returncode == 78
    assert done.stdout.startswith('other.yaml:1:10: version is "2", expected 1 [Q019]')


def test_json_has_problems_unverifiable_sites_and_their_number(project: Project) -> None:
    project.write("app/other.py", "def send(job):\n    job.dispatch()\n")
    project.write("app/third.py", "from jobs.classes import PayJob\nPayJob(amount=1).dispatch(queue='smss')\n")
    done = qsup("validate", "--json", cwd=project.root)
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["sites"] == 3
    assert [(site["path"], site["line"], site["column"]) for site in answer["unverifiable"]] == [("app/other.py", 2, 5)]
    errors = [problem for problem in answer["problems"] if problem["severity"] == "error"]
    assert errors == [
        {
            "code": "Q212",
            "message": "PayJob goes to queue smss, which is not declared: this dispatch would be refused",
            "severity": "error",
            "path": "app/third.py",
            "line": 2,
            "column": 1,
            "hint": "did you mean sms?",
            "queue": "smss",
            "job": "PayJob",
        }
    ]


def test_paths_are_read_in_place_of_code(project: Project) -> None:
    project.write("scripts/send.py", "from jobs.classes import SmsJob\nSmsJob(to='x').dispatch()\n")
    assert qsup("validate", "scripts", cwd=project.root).returncode == 1
    assert qsup("validate", "scripts/nothing", cwd=project.root).returncode == 2


def test_with_db_the_rows_are_compared(project: Project, db: psycopg.Connection, dsn: str) -> None:
    db.execute("INSERT INTO qsup.queues (name, workers) VALUES ('payment', 1)")
    db.execute("INSERT INTO qsup.job_types (name, queue, payload_limit) VALUES ('PayJob', 'payment', 1000)")
    db.execute("INSERT INTO qsup.jobs (queue, type, payload) VALUES ('payment', 'PayJob', '{}')")
    done = qsup("validate", "--db", "--database", dsn, cwd=project.root)
    assert done.returncode == 1
    assert "queue payment holds 1 job of PayJob, but no worker of this file serves it" in done.stdout
    assert qsup("validate", cwd=project.root).returncode == 0


def test_a_database_that_does_not_answer_exits_75(project: Project) -> None:
    done = qsup("validate", "--db", "--database", "postgres://u:s3cret@127.0.0.1:1/x", cwd=project.root)
    assert done.returncode == 75
    assert "1 dispatch site" in done.stdout, "the rest is told"
    assert "s3cret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_explain_says_the_numbers_and_where_each_comes_from() -> None:
    done = qsup("explain", "provisioning", cwd=ROOT)
    assert done.returncode == 0
    assert "soft end 1m, hard end 1m10s, lease 1m30s" in done.stdout
    assert "It is tried 5 times, with waits of 5s, 15s, 30s, 1m; then it has failed for good." in done.stdout
    assert "(its own: backoff)" in done.stdout
    assert "A stopping worker may need 1m20s (stop wait)" in done.stdout


def test_explain_as_json_has_the_numbers_in_seconds(project: Project) -> None:
    project.write(
        "queues.yaml",
        """\
        version: 1
        defaults: {grace: 5s}
        queues:
          pay: {workers: 2, timeout: 2m, tries: 2}
          low: {workers_of: pay, timeout: 10m}
        jobs: {A: {queue: pay, handler: "a:b", tries: 4, timeout: 3m, failed: "a:c"}}
        """,
    )
    pay = json.loads(qsup("explain", "pay", "--json", cwd=project.root).stdout)
    assert (pay["soft_end"], pay["hard_end"], pay["lease"]) == (120, 125, 140)
    assert pay["stop_wait"] == 600 + 5 + 10, "the longest job of a slot may come from the queue served along with it"
    assert (pay["served_by"], pay["serves"], pay["waits"]) == ("pay", ["pay", "low"], [5])
    origins = {setting["key"]: (setting["origin"], setting["line"]) for setting in pay["settings"]}
    assert origins["timeout"] == ("queue pay", 4)
    assert origins["grace"] == ("defaults", 2)
    assert origins["memory"] == ("built in", 0)
    job = pay["jobs"][0]
    assert (job["soft_end"], job["hard_end"], job["tries"], job["waits"]) == (180, 185, 4, [5, 15, 60])
    assert (job["own"], job["failed"]) == (["tries", "timeout"], "a:c")
    low = json.loads(qsup("explain", "low", "--json", cwd=project.root).stdout)
    assert (low["workers"], low["served_by"], low["serves"]) == (0, "pay", [])


def test_explain_of_an_unknown_queue_names_the_nearest(project: Project) -> None:
    done = qsup("explain", "payment", cwd=project.root)
    assert done.returncode == 1
    assert done.stderr == "qsup: queues.yaml declares no queue payment\n  did you mean payments?\n"


def test_explain_of_a_broken_file_exits_78(project: Project) -> None:
    project.write("queues.yaml", "version: 1\n")
    done = qsup("explain", "pay", cwd=project.root)
    assert done.returncode == 78
    assert "the file has no `queues` [Q012]" in done.stderr


def test_the_schema_in_the_repository_is_current() -> None:
    done = qsup("schema", cwd=ROOT)
    message = "run `qsup schema > queues.schema.json`"
    assert done.stdout == (ROOT / "queues.schema.json").read_text(encoding="utf-8"), message


@pytest.mark.parametrize("queue", ["payments", "idle"])
def test_explain_needs_no_database(project: Project, queue: str) -> None:
    nowhere = {"QSUP_DATABASE_URL": "postgres://u@127.0.0.1:1/x"}
    assert qsup("explain", queue, cwd=project.root, **nowhere).returncode == 0
