"""qsup itself, the way its users run it: a project with a queues.yaml, `qsup run`, jobs put in by its SQL functions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import psycopg
import yaml

from bench.apps import imports
from bench.arena import ROOT, Arena
from bench.contestant import OnPostgres, chunks
from bench.processes import Command

APP = ROOT / "bench" / "apps" / "qsup_jobs.py"
FILL = """
SELECT cardinality(qsup.dispatch_many(
    array_agg('Mark' || coalesce(nullif(g %% %(queues)s, 0)::text, '')),
    array_agg(jsonb_build_object('i', g)), NULL, %(delay)s::interval))
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS g
"""
CLAIM = """
UPDATE qsup.jobs SET state = 'running', claim_number = claim_number + 1, attempts = attempts + 1,
    reserved_at = clock_timestamp(), reserved_by = 'bench', lease_until = clock_timestamp()
WHERE state = 'ready'
"""


class Qsup(OnPostgres):
    """One project; `prefetch` as in queues.yaml."""

    producer = "qsup"
    WITHOUT_VACUUM = "ALTER TABLE qsup.jobs SET (autovacuum_enabled = off)"
    SOMEBODY_LISTENS = """
    INSERT INTO qsup.supervisors (id, host, pid, code, config_file, generation, listens, declares, beat_at)
    VALUES ('busy', 'bench', 0, '', '', 0, '{queue0}', '{}', now() + interval '1 day')
    """

    def __init__(self, arena: Arena, prefetch: int | str = "auto", *, queues: int = 1, hotspot: bool = False) -> None:
        super().__init__(arena)
        self.prefetch, self.queues, self.hotspot = prefetch, queues, hotspot
        self.name = f"qsup, prefetch: {prefetch}"
        self.slug = f"qsup_{prefetch}_{queues}{'_hotspot' if hotspot else ''}"
        self.kind = f"qsup_{queues}"
        self.pace = 14_000 if prefetch == 0 else 40_000
        self.folder = arena.folder / self.slug

    def schema(self, dsn: str) -> None:
        """`qsup migrate` and `qsup apply`, as before a first start."""
        self.write(workers=self.queues)
        for command in ("migrate", "apply"):
            self.call(dsn, command)

    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """Through the function that every way to dispatch ends in; round robin over the queues."""
        for rows, first, delay in ((later, 10**9, "1 day"), (ready, 0, None)):
            for begin, end in chunks(rows, first):
                conn.execute(FILL, {"queues": self.queues, "delay": delay, "first": begin, "last": end})

    def churn(self, conn: psycopg.Connection[Any], jobs: int) -> None:
        """The writes of a claim and of an end, in calls of a thousand jobs."""
        for first in range(0, jobs, 1000):
            conn.execute(FILL, {"queues": self.queues, "delay": None, "first": first, "last": first + 999})
            conn.execute(CLAIM)
            conn.execute("DELETE FROM qsup.jobs WHERE state = 'running'")

    def variables(self) -> dict[str, str]:
        """qsup's own name for the database as well."""
        return {**super().variables(), "QSUP_DATABASE_URL": self.dsn}

    def commands(self, workers: int) -> list[Command]:
        """`qsup run` on a queues.yaml with so many workers."""
        self.write(workers)
        return [self._command(self.dsn, "run")]

    def call(self, dsn: str, *arguments: str) -> str:
        """A command of qsup's, and what it prints. Raises CalledProcessError."""
        command = self._command(dsn, *arguments)
        return subprocess.run(  # noqa: S603  the bench's own command line
            list(command.arguments), env=dict(command.environment), cwd=self.folder, check=True, stdout=subprocess.PIPE
        ).stdout.decode()

    def write(self, workers: int) -> None:
        """The project's files, written anew: nothing of an earlier run is left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "queues.yaml").write_text(json.dumps(document(workers, self.prefetch, self.queues), indent=1))
        (self.folder / "jobs.py").write_text(code(self.queues))

    def _command(self, dsn: str, *arguments: str) -> Command:
        variables = {"QSUP_DATABASE_URL": dsn, **(hotspot_imports() if self.hotspot else {})}
        return self.arena.command([sys.executable, "-m", "qsup", *arguments], self.folder, variables)


def document(workers: int, prefetch: int | str, queues: int) -> dict[str, Any]:
    """queues.yaml: the workers spread over the queues, each queue with a job class of its own."""
    settings = {"prefetch": prefetch, "backoff": 0, "tries": 10, "timeout": "600s"}
    shares = [workers // queues + (number < workers % queues) for number in range(queues)]
    return {
        "version": 1,
        "defaults": settings,
        "queues": {f"queue{number}": {"workers": max(1, share)} for number, share in enumerate(shares)},
        "jobs": {
            **{f"Mark{number or ''}": {"queue": f"queue{number}", "handler": "jobs:noop"} for number in range(queues)},
            "Sleep": {"queue": "queue0", "handler": "jobs:sleep"},
        },
    }


def code(queues: int) -> str:
    """jobs.py: the handlers, and a class for each queue."""
    return APP.read_text() + "".join(f"\n\nclass Mark{number}(Mark):\n    pass\n" for number in range(1, queues))


def hotspot_imports() -> dict[str, str]:
    """Makes workers import every module that the project's own queues.yaml names as a handler."""
    jobs = yaml.safe_load((ROOT / "queues.yaml").read_text())["jobs"].values()
    return {imports.VARIABLE: ",".join(sorted({job["handler"].partition(":")[0] for job in jobs}))}
