"""`qsup worker`, as supervisord would run it: real processes, real signals, a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.conftest import Eventually
from tests.courier.rig import JOBS
from tests.window import Window

FILE = """
version: 1
defaults: {backoff: [0s], grace: 1s, jitter: 0}
queues:
  q: {workers: 2, timeout: 20s}
  short: {workers: 1, timeout: 1s, tries: 1}
jobs:
  Note: {queue: q, handler: "rigjobs:note"}
"""


class Project:
    """A folder with a file, handlers and workers."""

    def __init__(self, path: Path, dsn: str) -> None:
        self.path, self.dsn = path, dsn
        self.window = Window(lambda: self.dsn)
        self.notes = path / "notes"
        self.started: list[subprocess.Popen[bytes]] = []
        (path / "queues.yaml").write_text(FILE)
        (path / "rigjobs.py").write_text(JOBS)
        self.command("apply")

    def command(self, *words: str) -> str:
        """Run a qsup command to its end."""
        done = forked.run(*words, cwd=self.path, env=self.environment)
        done.check_returncode()
        return done.stdout

    def worker(self, queue: str = "q") -> subprocess.Popen[bytes]:
        """Start one."""
        log = (self.path / "worker.log").open("ab")
        popen = subprocess.Popen(
            [sys.executable, "-m", "qsup", "worker", "--queue", queue],
            cwd=self.path, env=self.environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        self.started.append(popen)
        return popen

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "QSUP_DATABASE_URL": self.dsn}

    @property
    def lines(self) -> list[list[str]]:
        """What the handlers wrote: id, attempt, crashes, pid, text."""
        return [line.split() for line in self.notes.read_text().splitlines()] if self.notes.exists() else []

    def put(self, queue: str = "q", **fields: Any) -> None:
        """Dispatch a Note."""
        self.command("dispatch", "Note", json.dumps({"path": str(self.notes)} | fields), "--queue", queue)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """A query's rows."""
        return self.window.rows(query)

    def drained(self) -> bool:
        """No job is left."""
        return self.rows("SELECT id FROM qsup.jobs") == []

    def close(self) -> None:
        """End what it started."""
        for popen in self.started:
            popen.kill()
            popen.wait()
        self.window.close()


@pytest.fixture
def project(tmp_path: Path, dsn: str) -> Iterator[Project]:
    """A project; what it started is ended."""
    found = Project(tmp_path, dsn)
    yield found
    found.close()


def test_term_lets_the_running_job_finish_and_exits_0(project: Project, eventually: Eventually) -> None:
    worker = project.worker()
    project.put(seconds=1.0)
    eventually(lambda: project.lines, what="the job began")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert project.drained()
    assert project.rows("SELECT * FROM qsup.supervisors") == []
    assert project.rows("SELECT * FROM qsup.job_events") == []


def test_a_second_term_gives_the_job_back_uncharged(project: Project, eventually: Eventually) -> None:
    worker = project.worker()
    project.put(seconds=15.0)
    eventually(lambda: project.lines, what="the job began")
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGQUIT)
    worker.wait(20)
    assert project.rows("SELECT state, attempts, crashes FROM qsup.jobs") == [("ready", 0, 0)]
    assert project.rows("SELECT kind FROM qsup.job_events") == [("released",)]


def test_kill_9_of_the_child_is_a_crash_and_the_job_runs_again_at_once(
    project: Project, eventually: Eventually
) -> None:
    project.worker()
    project.put(how="die")
    eventually(project.drained, what="quarantined")
    assert [line[1:3] for line in project.lines] == [["1", "0"], ["1", "1"], ["1", "2"]]
    assert project.rows("SELECT cause FROM qsup.failed_jobs") == [("quarantined",)]


def test_after_kill_9_of_the_parent_its_successor_takes_over_number_and_job(
    project: Project, eventually: Eventually
) -> None:
    first = project.worker()
    project.put(how="stay")
    child = int(eventually(lambda: project.lines, what="the job began")[0][3])
    first.kill()
    first.wait()
    eventually(lambda: not Path(f"/proc/{child}").exists(), what="the child died with its parent")
    Path(f"{project.notes}.go").touch()
    project.worker()
    eventually(project.drained, what="the successor ran the job")
    assert [line[1:3] for line in project.lines] == [["1", "0"], ["1", "0"]]
    assert project.rows("SELECT kind FROM qsup.job_events") == [("released",)]


def test_two_workers_of_one_queue_have_numbers_of_their_own_and_share_the_work(
    project: Project, eventually: Eventually
) -> None:
    project.worker()
    project.worker()
    project.put(how="stay", text="a")
    project.put(how="stay", text="b")
    eventually(lambda: len(project.lines) == 2, 15, what="both run at once")
    assert sorted(slot for (slot,) in project.rows("SELECT split_part(reserved_by, '/', 2) FROM qsup.jobs")) == [
        "q:0",
        "q:1",
    ]
    (project.path / "notes.go").touch()
    eventually(project.drained, what="both are done")
    eventually(project.drained, what="both are done")


def test_the_time_limit_of_the_queue_ends_a_job(project: Project, eventually: Eventually) -> None:
    project.worker("short")
    project.put("short", seconds=60.0)
    eventually(project.drained, what="the limit is over")
    assert project.rows("SELECT cause, message FROM qsup.failed_jobs") == [("tries", "over its time limit of 1 s")]


def test_a_queue_that_does_not_exist_or_has_no_worker_is_refused(project: Project) -> None:
    worker = project.worker("typo")
    assert worker.wait(20) == 1
    said = (project.path / "worker.log").read_text()
    assert "the queue typo is not declared" in said
    assert "Traceback" not in said


def test_a_worker_that_comes_before_the_migration_says_so_and_waits_for_it(
    project: Project, empty_dsn: str, eventually: Eventually
) -> None:
    project.dsn = empty_dsn
    worker = project.worker()
    log = project.path / "worker.log"
    eventually(lambda: "run `qsup migrate`" in log.read_text(), what="it says what to do")
    assert worker.poll() is None
    project.command("migrate")
    project.command("apply")
    project.put()
    eventually(project.drained, what="it works")
