"""qsup itself, the way its users run it: a project with a queues.yaml, `qsup run`, jobs put in by its SQL functions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

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


class Qsup(OnPostgres):
    """One project; `prefetch` as in queues.yaml."""

    patience = 20.0

    def __init__(self, arena: Arena, prefetch: int | str = "auto", *, queues: int = 1, imports: bool = False) -> None:
        super().__init__(arena)
        self.prefetch, self.queues, self.imports = prefetch, queues, imports
        self.name = f"qsup, prefetch: {prefetch}"
        self.slug = f"qsup_{prefetch}_{queues}{'_imports' if imports else ''}"
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
        (self.folder / "jobs.py").write_text(code(self.queues, imports=self.imports))

    def _command(self, dsn: str, *arguments: str) -> Command:
        where = {"QSUP_DATABASE_URL": dsn}
        return self.arena.command([sys.executable, "-m", "qsup", *arguments], self.folder, where)


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


def code(queues: int, *, imports: bool) -> str:
    """jobs.py: the handlers, a class for each queue, and on request everything that the hotspot's handlers import."""
    classes = "".join(f"\n\nclass Mark{number}(Mark):\n    pass\n" for number in range(1, queues))
    return APP.read_text() + classes + ("\n" + hotspot_imports() if imports else "")


def hotspot_imports() -> str:
    """An import of every module that the project's own queues.yaml names as a handler."""
    import yaml

    jobs = yaml.safe_load(Path(ROOT / "queues.yaml").read_text())["jobs"].values()
    return "".join(
        f"import {module}  # noqa: F401\n" for module in sorted({job["handler"].split(":")[0] for job in jobs})
    )
