"""A real job under a real `qsup run` that tells how far it is: who follows it sees every step and the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from psycopg import Connection

from tests.supervise.rig import Run

JOBS = """
import os, time
import qsup

class Pay(qsup.Job):
    text: str
    how: str = ""

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.01)

def pay(job: Pay, ctx: qsup.Context) -> None:
    ctx.progress(10, "profiles")
    wait_for("go 40")
    ctx.progress(40, "users")
    wait_for("go 100")
    if job.how == "fail":
        raise qsup.Discard("the router is no router")
    if job.how == "own":
        with ctx.transaction():
            ctx.progress(100, "verified")
        return
    ctx.progress(100, "verified")
"""


class Watcher:
    """`qsup job ID --follow --json` in a process of its own."""

    def __init__(self, run: Run, number: int) -> None:
        self.run, self.out = run, Path(run.project / f"followed-{number}")
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "qsup", "job", str(number), "--follow", "--json"],
                cwd=run.project, env=run.environment, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def percents(self) -> list[float]:
        told = [json.loads(line) for line in self.out.read_text().splitlines()]
        return [one["value"] for one in told if one["kind"] == "progress"]

    def sees(self, *percents: float) -> None:
        self.run.until(lambda: self.percents() == list(percents), f"{percents} are seen")

    def end(self) -> tuple[int, str]:
        """Exit code and the last state."""
        code = self.process.wait(30)
        return code, json.loads(self.out.read_text().splitlines()[-1])["state"]


def began(run: Run, how: str) -> Watcher:
    """A job that is at 10 %, and somebody who follows it."""
    (run.project / "shop.py").write_text(JOBS)
    run.start()
    watcher = Watcher(run, run.dispatch("one", how=how))
    watcher.sees(10)
    return watcher


def test_who_follows_sees_10_40_100_and_the_end_and_a_listener_is_told_the_same(run: Run) -> None:
    with Connection.connect(run.dsn, autocommit=True) as page:
        page.execute("LISTEN qsup_progress")
        watcher = began(run, "own")
        run.let_go("go 40")
        watcher.sees(10, 40)
        run.let_go("go 100")
        assert watcher.end() == (0, "done")
        assert watcher.percents() == [10, 40, 100]
        told = [json.loads(note.payload) for note in page.notifies(timeout=5, stop_after=3)]
    assert [(one["type"], one["queue"], one["percent"], one["note"]) for one in told] == [
        ("Pay", "payments", 10, "profiles"),
        ("Pay", "payments", 40, "users"),
        ("Pay", "payments", 100, "verified"),
    ]
    assert {key for one in told for key in one} == {"job", "claim", "type", "queue", "percent", "note"}


def test_who_follows_a_job_that_fails_ends_with_1(run: Run) -> None:
    watcher = began(run, "fail")
    run.let_go("go 40")
    run.let_go("go 100")
    assert watcher.end() == (1, "failed")
    assert watcher.percents() == [10, 40]
