"""A real `qsup run` in a project of its own, on the session's PostgreSQL, with jobs that do as their payload says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qsup.reaper import group_is_empty, kill, kill_group
from qsup.rundir import RunDirectory
from tests import forked
from tests.conftest import wait_until
from tests.window import Window

SHOP = """
import os, signal, time
import qsup

class Pay(qsup.Job):
    text: str
    seconds: float = 0.0
    until: str = ""
    how: str = ""

def pay(job: Pay, ctx: qsup.Context) -> None:
    with open("diary", "a") as diary:
        diary.write(f"begin {job.text} {ctx.attempt} {ctx.crashes} {os.getpid()} VERSION\\n")
    if job.how == "die once" and ctx.crashes == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    while job.until and not os.path.exists(job.until):
        time.sleep(0.01)
    if job.how == "chain":
        Pay(text="next").dispatch()
    with open("diary", "a") as diary:
        diary.write(f"end {job.text}\\n")
"""

QUEUES = {
    "payments": {"workers": 2, "timeout": "20s", "backoff": "0.1s", "sleep": "1s"},
    "sms": {"workers": 1, "timeout": "20s"},
}


class Run:
    """The project and its supervisor."""

    def __init__(self, project: Path, dsn: str) -> None:
        self.project, self.dsn = project, dsn
        self.runtime_dsn = dsn
        """What the program itself is told, when it is not what the test uses."""
        self.window = Window(lambda: self.dsn)
        self.cwd = project
        self.run = RunDirectory(project / ".qsup" / "run")
        self.processes: list[subprocess.Popen[bytes]] = []
        self.groups: set[int] = set()
        self.code("one")
        self.write(QUEUES)

    def code(self, version: str) -> None:
        (self.project / "shop.py").write_text(SHOP.replace("VERSION", version))

    def write(self, queues: Mapping[str, Mapping[str, Any]]) -> None:
        """Save queues.yaml the way an editor does: a new file renamed over the old one."""
        jobs = {"Pay": {"queue": "payments", "handler": "shop:pay"}}
        fresh = self.project / "queues.yaml.new"
        fresh.write_text(json.dumps({"version": 1, "queues": queues, "jobs": jobs}))
        fresh.rename(self.project / "queues.yaml")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of qsup in the project, to its end."""
        return forked.run(*arguments, cwd=self.project, env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "QSUP_DATABASE_URL": self.runtime_dsn}

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """`qsup run`, until all slots serve."""
        process = self.spawn(*arguments)
        self.settles()
        return process

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.project / "out").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "qsup", "run", *arguments],
                cwd=self.cwd, env=self.environment, stdout=out, stderr=out, process_group=0,
            )  # fmt: skip
        self.processes.append(process)
        return process

    @property
    def state(self) -> dict[str, Any]:
        """state.json of the running supervisor; empty while there is none."""
        try:
            told: dict[str, Any] = json.loads(self.run.state.read_text())
        except FileNotFoundError:
            return {}
        self.groups |= {slot["pid"] for slot in told["slots"].values() if slot["pid"]}
        return told if told["pid"] == self.processes[-1].pid else {}

    def pids(self) -> dict[str, int]:
        """Slot → pid of the workers that serve."""
        slots = self.state.get("slots", {})
        return {name: slot["pid"] for name, slot in slots.items() if slot["state"] == "serving"}

    def settles(self, **workers: int) -> dict[str, int]:
        """Wait until exactly the wanted slots serve (those of QUEUES if nothing is said) and the courier is up."""
        counts = workers or {"payments": 2, "sms": 1}
        wanted = {f"{name}:{number}" for name, count in counts.items() for number in range(count)}
        self.until(lambda: set(self.pids()) == wanted, f"{wanted} serve")
        self.until(lambda: self.state["declared"] == self.state["generation"], "the types are declared")
        return self.pids()

    def dispatch(self, text: str, **payload: Any) -> int:
        body = json.dumps({"text": text, **payload})
        [(number,)] = self.window.does("SELECT id FROM qsup.dispatch('Pay', %s::jsonb)", (body,))
        return int(number)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.window.rows(query)

    def waits_for_jobs_to_end(self) -> None:
        self.until(self._no_job_is_left, "no job is left")

    def _no_job_is_left(self) -> bool:
        try:
            return self.rows("SELECT count(*) FROM qsup.jobs") == [(0,)]
        except psycopg.OperationalError:
            # A database that was killed may be gone once more before it is back for good.
            return False

    def diary(self, what: str = "") -> list[str]:
        """The lines that handlers wrote, those that begin with `what`."""
        try:
            lines = (self.cwd / "diary").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if line.startswith(what)]

    def waits_for(self, what: str, times: int = 1) -> list[str]:
        """Until the diary has a line that begins so; the words of the last one."""
        self.until(lambda: len(self.diary(what)) >= times, f"{what!r} is in the diary")
        return self.diary(what)[-1].split()

    def says(self, what: str, since: int = 0, times: int = 1) -> None:
        """Wait until it has said this, so often, behind this place of its output."""
        self.until(lambda: self.output()[since:].count(what) >= times, f"it says {what!r}")

    def refused(self) -> list[dict[str, Any]]:
        """Wait until an edit is refused; its problems, of one look at the state."""
        seen: list[dict[str, Any]] = []

        def look() -> bool:
            rejected = self.state.get("rejected")
            seen[:] = rejected["problems"] if rejected else []
            return bool(seen)

        self.until(look, "the edit is refused")
        return seen

    def until(self, predicate: Callable[[], object], what: str) -> None:
        """Wait for an event; if it does not come, show what the supervisor said."""
        try:
            wait_until(predicate, 30.0, what=what)
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\n{self.output()}")

    def output(self) -> str:
        file = self.project / "out"
        return file.read_text() if file.exists() else ""

    def let_go(self, name: str) -> None:
        """Jobs that wait `until` this file exists go on."""
        (self.project / name).touch()

    def close(self) -> None:
        """End everything, however it is."""
        self.window.close()
        for process in self.processes:
            if process.poll() is None:
                _ = self.state
                process.send_signal(signal.SIGQUIT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in self.groups:
            if not group_is_empty(pid):
                kill_group(pid)


def end(pid: int) -> None:
    """kill -9."""
    kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Is there a process of this pid?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
