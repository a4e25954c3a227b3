"""A real supervisord runs the file that gen-supervisor makes of the hotspot's queues; jobs flow through all of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from pydantic import create_model

import qsup
from tests.conftest import Eventually
from tests.project.source import ROOT

# Twenty-one workers, each a process with a child, start on one or two busy cores.
ALL_UP = 120.0

HEAD = """\
import os
import time

import qsup


def note(job, ctx):
    with ctx.transaction() as conn:
        conn.execute("INSERT INTO probes VALUES (%s, %s, %s)", [ctx.queue, job.number, os.getpid()])
"""
PROBE = """

class {job}(qsup.Job):
    number: int
    seconds: float = 0


def {name}(job: {job}, ctx: qsup.Context) -> None:
    time.sleep(job.seconds)
    note(job, ctx)
"""
SUPERVISORD = """\
[supervisord]
nodaemon=true
logfile={here}/supervisord.log
pidfile={here}/supervisord.pid

[unix_http_server]
file={here}/s.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{here}/s.sock

[include]
files=qsup.conf
"""


def job_name(queue: str) -> str:
    return "".join(part.title() for part in queue.split("-")) + "ProbeJob"


def job_class(queue: str) -> Any:
    return create_model(job_name(queue), __base__=qsup.Job, number=(int, ...), seconds=(float, 0.0))


@dataclass(frozen=True)
class Farm:
    """The hotspot's queues and workers as they are, each queue with one probe job of ours."""

    folder: Path
    queues: dict[str, dict[str, Any]]
    environment: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def qsup(self, *words: str) -> None:
        ran = self.run("qsup", *words)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def control(self, *words: str) -> str:
        return self.run("supervisor.supervisorctl", "-c", "supervisord.conf", *words).stdout

    def running(self) -> dict[str, int]:
        """The processes that supervisord calls RUNNING, with their pids."""
        found = re.findall(r"^(\S+) +RUNNING +pid (\d+)", self.control("status"), re.MULTILINE)
        return {name: int(pid) for name, pid in found}

    def write_queues(self) -> None:
        jobs = {job_name(name): {"queue": name, "handler": f"probes:{name.replace('-', '_')}"} for name in self.queues}
        text = yaml.safe_dump({"version": 1, "queues": self.queues, "jobs": jobs})
        (self.folder / "queues.yaml").write_text(text)

    def generate(self) -> None:
        self.qsup("apply")
        self.qsup("gen-supervisor", "-o", "qsup.conf")

    def story(self) -> str:
        logs = [self.folder / "supervisord.log", *sorted((self.folder / "logs").glob("*.log"))]
        tails = [f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-15:]) for log in logs if log.exists()]
        return "\n".join([self.control("status"), *tails])


@pytest.fixture
def farm(dsn: str) -> Iterator[Farm]:
    """A project folder with supervisord running in it; a short path, for the socket."""
    folder = Path(tempfile.mkdtemp(prefix="qsup-sv-", dir="/tmp"))
    queues: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "queues.yaml").read_text())["queues"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "QSUP_"))}
    farm = Farm(folder, queues, environment | {"QSUP_DATABASE_URL": dsn})
    (folder / "logs").mkdir()
    (folder / "supervisord.conf").write_text(SUPERVISORD.format(here=folder))
    probes = [PROBE.format(job=job_name(name), name=name.replace("-", "_")) for name in queues]
    (folder / "probes.py").write_text(HEAD + "".join(probes))
    farm.write_queues()
    farm.generate()
    argv = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", "supervisord.conf"]
    with subprocess.Popen(argv, cwd=folder, env=farm.environment, stdout=subprocess.DEVNULL) as supervisord:
        try:
            yield farm
        finally:
            print(farm.story())  # pytest shows it when the test has failed
            supervisord.terminate()
            supervisord.wait(timeout=60)
    shutil.rmtree(folder)


@pytest.fixture
def probe(db: psycopg.Connection) -> Callable[..., None]:
    """Dispatch a probe job: `probe("payments", number=1, seconds=0.5)`."""
    db.execute("CREATE TABLE probes (queue text, number int, pid int)")

    def dispatch(queue: str, *, number: int, seconds: float = 0.0) -> None:
        job_class(queue)(number=number, seconds=seconds).dispatch(db)

    return dispatch


def test_jobs_flow_an_edit_restarts_one_program_and_a_stop_waits_for_the_job(
    farm: Farm, probe: Callable[..., None], db: psycopg.Connection, eventually: Eventually
) -> None:
    workers = {name: settings["workers"] for name, settings in farm.queues.items()}
    wanted = {f"qsup-{queue}:qsup-{queue}_{number:02d}" for queue, count in workers.items() for number in range(count)}
    for queue in workers:
        for number in range(5):
            probe(queue, number=number)

    def done() -> dict[str, int]:
        return dict(db.execute("SELECT queue, count(*) FROM probes GROUP BY queue").fetchall())

    eventually(lambda: done() == dict.fromkeys(workers, 5), ALL_UP, what="five jobs done on every queue")
    eventually(lambda: farm.running().keys() == wanted, ALL_UP, what="every worker RUNNING")
    assert db.execute("SELECT count(*) FROM qsup.jobs").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM qsup.failed_jobs").fetchone() == (0,)

    before = farm.running()
    farm.queues["payments"]["timeout"] = "130s"
    farm.write_queues()
    farm.generate()
    farm.control("update")
    eventually(lambda: farm.running().keys() == wanted, ALL_UP, what="every worker RUNNING again")
    after = farm.running()
    assert {name for name in wanted if after[name] != before[name]} == {
        "qsup-payments:qsup-payments_00",
        "qsup-payments:qsup-payments_01",
    }

    probe("dashboard", number=99, seconds=5.0)
    eventually(
        lambda: db.execute("SELECT 1 FROM qsup.jobs WHERE state = 'running'").fetchone(), what="the slow job runs"
    )
    farm.control("stop", "qsup-dashboard:*")
    assert db.execute("SELECT count(*) FROM probes WHERE number = 99").fetchone() == (1,)
    assert db.execute("SELECT count(*) FROM qsup.jobs").fetchone() == (0,)
