"""A host of the tests of moments: a `qsup run` whose database, code and clock can be made to fail.

Several of them on one database are several hosts. Jobs write what they do into the diary of their host.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psycopg

from tests.moments.faults import Faults
from tests.moments.proxy import Proxy
from tests.supervise.rig import Run

SHOP = """
import os, signal, subprocess, time
import qsup

class Pay(qsup.Job):
    text: str
    until: str = ""
    inside: str = ""
    how: str = "done"
    ballast: str = ""

def wait_for(name: str) -> None:
    while name and not os.path.exists(name):
        time.sleep(0.01)

def write(line: str) -> None:
    with open("diary", "a") as diary:
        diary.write(line + "\\n")

def pay(job: Pay, ctx: qsup.Context) -> None:
    write(f"begin {job.text} {ctx.attempt} {ctx.crashes} {os.getpid()} {ctx.slot}")
    wait_for(job.until)
    if job.how == "transaction":
        with ctx.transaction() as conn:
            conn.execute("INSERT INTO effects VALUES (%s)", (job.text,))
            write(f"inside {job.text} {os.getpid()}")
            wait_for(job.inside)
    if job.how == "deaf":
        subprocess.Popen(["sleep", "600"])
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass
    if job.how == "raise once" and ctx.attempt == 1:
        raise ValueError("once")
    if job.how == "raise":
        raise ValueError("always")
    if job.how == "raise much":
        raise ValueError("first" + "x" * 200_000 + "\\0\\ud800")
    if job.how == "retry in an age":
        raise qsup.Retry("much later", after=1e30)
    write(f"end {job.text} {os.getpid()} {ctx.slot}")
"""

QUEUES: dict[str, dict[str, Any]] = {
    "payments": {"workers": 1, "timeout": "60s", "grace": "2s", "backoff": "0.1s", "sleep": "0.2s", "tries": 2}
}


class Host(Run):
    """One project with its processes, behind a proxy."""

    def __init__(self, project: Path, dsn: str, **settings: Any) -> None:
        super().__init__(project, dsn)
        self.faults = Faults(project / "moments")
        self.proxy = Proxy(dsn, project / "db")
        self.workers: dict[str, int] = {}
        self.queue(**settings)
        (project / "shop.py").write_text(SHOP)

    def queue(self, **settings: Any) -> None:
        """The queue payments, with these settings; another queue by the name `more`."""
        more = settings.pop("more", {})
        queues = {"payments": {**QUEUES["payments"], **settings}, **more}
        self.workers = {name: int(queue["workers"]) for name, queue in queues.items()}
        self.write(queues)

    @property
    def environment(self) -> dict[str, str]:
        """Its processes reach the database through the proxy only."""
        return {**os.environ, **self.faults.environment, "QSUP_DATABASE_URL": self.proxy.dsn}

    def start(self, *arguments: str) -> Any:
        """`qsup run`, until all slots serve."""
        process = self.spawn(*arguments)
        self.settles(**self.workers)
        return process

    def put(self, text: str, queue: str | None = None, delay: float | None = None, **payload: Any) -> int:
        """Dispatch a Pay, straight to the server."""
        return self.put_all([text], queue, delay, **payload)[0]

    def put_all(
        self, texts: list[str], queue: str | None = None, delay: float | None = None, **payload: Any
    ) -> list[int]:
        """Dispatch them in one transaction, so that one claim can take them all."""
        query = "SELECT id FROM qsup.dispatch('Pay', %s::jsonb, queue => %s, delay => make_interval(secs => %s))"
        found = []
        with psycopg.connect(self.dsn) as conn:
            for text in texts:
                row = conn.execute(query, (json.dumps({"text": text, **payload}), queue, delay)).fetchone()
                assert row is not None
                found.append(int(row[0]))
        return found

    def drained(self) -> None:
        """Wait until no job is left."""
        self.waits_for_jobs_to_end()

    def tries(self, text: str) -> list[str]:
        """Attempt and crashes of each time that the job has begun on this host."""
        return [" ".join(line.split()[2:4]) for line in self.diary(f"begin {text} ")]

    def story(self, job: int) -> list[str]:
        """What happened to the job, in order."""
        rows = self.rows("SELECT job_id, kind || ': ' || detail FROM qsup.job_events ORDER BY id")
        return [line for number, line in rows if number == job]

    def failed(self) -> list[tuple[int, int, int]]:
        """(id, attempts, crashes) of the jobs that have failed for good."""
        return self.rows("SELECT id, attempts, crashes FROM qsup.failed_jobs")

    def happens(self, name: str) -> None:
        """Wait for a fault."""
        self.until(lambda: self.faults.happened(name), f"{name} happens")

    def close(self) -> None:
        """End everything."""
        for name in ("go", "never"):
            self.let_go(name)
        self.proxy.come_back()
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        super().close()
        self.proxy.close()
