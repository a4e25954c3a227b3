"""The peers as contestants."""

from __future__ import annotations

import shutil
import subprocess
from abc import abstractmethod
from pathlib import Path
from typing import Any

import psycopg

from bench.arena import PEERS_PYTHON
from bench.contestant import Contestant, OnPostgres, chunks
from bench.processes import Command
from bench.product import hotspot_imports

SUPERVISORD = """
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
user=root
minfds=1024

[program:worker]
command={command}
process_name=%(program_name)s_%(process_num)02d
numprocs={workers}
autorestart=true
stdout_logfile={folder}/workers.log
redirect_stderr=true
"""


class Peer(Contestant):
    """Its programs are in the peers' environment."""

    python = str(PEERS_PYTHON)
    settle = 8.0
    hotspot = False
    """Whether its workers import what the hotspot's handlers do."""

    def program(self, name: str, *arguments: str) -> list[str]:
        """One of the environment's programs."""
        return [str(PEERS_PYTHON.parent / name), *arguments]

    def in_environment(self, arguments: list[str], **more: str) -> Command:
        """With what its application wants to know."""
        extra = hotspot_imports() if self.hotspot else dict[str, str]()
        variables = {**self.variables(), **extra, **more}
        return self.arena.command(arguments, self.arena.folder, variables)

    def ask(self, arguments: list[str]) -> None:
        """Run one of its commands. Raises CalledProcessError."""
        command = self.in_environment(arguments)
        subprocess.run(  # noqa: S603  the bench's own command line
            arguments,
            env=dict(command.environment),
            cwd=command.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


class PeerOnPostgres(Peer, OnPostgres):
    """One process for each worker, kept running by supervisord, as its manual recommends."""

    @abstractmethod
    def worker(self) -> list[str]:
        """The command line of a worker."""

    def commands(self, workers: int) -> list[Command]:
        """So many of them."""
        return [self.in_environment(self.worker())] * workers

    def deployed(self, workers: int) -> list[Command]:
        """One supervisord with so many of them."""
        folder = self.arena.folder / f"{self.slug}_supervisord"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        text = SUPERVISORD.format(folder=folder, command=" ".join(self.worker()), workers=workers)
        (folder / "supervisord.conf").write_text(text)
        return [self.in_environment(self.program("supervisord", "-c", str(folder / "supervisord.conf")))]

    def by_sql(
        self, conn: psycopg.Connection[Any], statement: str, due: dict[str, str], counts: dict[str, int]
    ) -> None:
        """Fill its table without its triggers, as its own loader of big tests would; `due` is SQL for each kind."""
        conn.execute("SET session_replication_role = replica")
        for kind, first in (("later", 10**9), ("ready", 0)):
            for begin, end in chunks(counts[kind], first):
                conn.execute(statement.replace("DUE", due[kind]).encode(), [begin, end])
        conn.execute("RESET session_replication_role")


class Procrastinate(PeerOnPostgres):
    """A plain function, one at a time."""

    name = "procrastinate"
    slug = "procrastinate"
    producer = "procrastinate"
    pace = 1_200

    def schema(self, dsn: str) -> None:
        """Its own command."""
        command = self.in_environment([*self.worker()[:2], "schema", "--apply"])
        environment = {**command.environment, "BENCH_DSN": dsn}
        subprocess.run(  # noqa: S603  the bench's own command line
            list(command.arguments),
            env=environment,
            cwd=command.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def worker(self) -> list[str]:
        """`worker -c 1`."""
        return self.program("procrastinate", "--app=bench.apps.procrastinate_app.app", "worker", "-c", "1")

    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """Rows as defer() writes them."""
        statement = (
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)"
            " SELECT 'default', 'noop', jsonb_build_object('i', g), DUE"
            " FROM generate_series(%s::bigint, %s::bigint) AS g"
        )
        due = {"later": "now() + interval '1 day'", "ready": "NULL"}
        self.by_sql(conn, statement, due, {"ready": ready, "later": later})


class Pgqueuer(PeerOnPostgres):
    """As it is: many coroutines at once in each process."""

    name = "pgqueuer"
    slug = "pgqueuer"
    kind = "pgqueuer"
    producer = "pgqueuer"
    pace = 9_000
    options: tuple[str, ...] = ()

    def schema(self, dsn: str) -> None:
        """Its own command."""
        database = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
        self.ask(self.program("pgq", "--pg-dsn", self.arena.server.url(database), "install"))

    def worker(self) -> list[str]:
        """`pgq run`."""
        return self.program("pgq", "run", "bench.apps.pgqueuer_app:main", *self.options)

    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """Rows as enqueue() writes them."""
        statement = (
            "INSERT INTO pgqueuer (priority, status, entrypoint, payload, execute_after)"
            " SELECT 0, 'queued', 'noop', convert_to(g::text, 'UTF8'), DUE"
            " FROM generate_series(%s::bigint, %s::bigint) AS g"
        )
        due = {"later": "now() + interval '1 day'", "ready": "now()"}
        self.by_sql(conn, statement, due, {"ready": ready, "later": later})


class PgqueuerSingly(Pgqueuer):
    """As near to one job at a time as its options go."""

    name = "pgqueuer, one by one"
    slug = "pgqueuer_singly"
    pace = 1_500
    options = ("--batch-size", "1", "--max-concurrent-tasks", "2")


class Huey(Peer):
    """On SQLite, worker processes; a job that was taken and not finished is lost."""

    name = "Huey on SQLite (at most once)"
    slug = "huey"
    producer = "huey"
    pace = 5_000
    at_least_once = False

    @property
    def file(self) -> Path:
        """The database of the run."""
        return self.arena.folder / "huey.db"

    def variables(self) -> dict[str, str]:
        """Where the file is."""
        return {"BENCH_FILE": str(self.file)}

    def stock(self, ready: int, later: int = 0) -> None:
        """A copy of a file that was filled once by calling the task. Raises ValueError for delayed jobs."""
        if later:
            raise ValueError("the bench does not fill Huey with delayed jobs")
        for old in self.arena.folder.glob("huey.db*"):
            old.unlink()
        kept = self.arena.folder / f"huey-{ready}.filled"
        if ready and not kept.exists():
            self.produce("fill", ready)
            shutil.copy(self.file, kept)
        elif ready:
            shutil.copy(kept, self.file)

    def commands(self, workers: int) -> list[Command]:
        """huey_consumer."""
        asked = self.program("huey_consumer", "bench.apps.huey_app.huey", "-k", "process", "-w", str(workers), "-q")
        return [self.in_environment(asked)]
