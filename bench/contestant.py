"""What every contestant can do, whatever it is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench.arena import Arena
from bench.processes import Command, Fleet
from bench.server import RUN

PRODUCE_SECONDS = 300.0
CHUNK = 20_000
"""Rows of one INSERT while a table is filled."""


class Contestant(ABC):
    """One way to run jobs."""

    name: str
    slug: str
    pace: int = 10_000
    """Jobs a second that it may reach: a drain needs enough of them to last."""
    at_least_once: bool = True
    settle: float = 2.0
    """Seconds after its first job until all of its workers are there and quiet."""
    producer: str = ""
    """Its name in bench.apps.producers."""
    python: str = sys.executable
    """The interpreter that has its packages."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena

    @property
    def database(self) -> str:
        """The database of the run; empty without one."""
        return ""

    @abstractmethod
    def stock(self, ready: int, later: int = 0) -> None:
        """A fresh store with so many jobs that are due, and so many that are due tomorrow."""

    @abstractmethod
    def commands(self, workers: int) -> list[Command]:
        """The programs that serve the store with so many workers."""

    def deployed(self, workers: int) -> list[Command]:
        """The same under what starts dead workers again, where they do not bring that along."""
        return self.commands(workers)

    def variables(self) -> dict[str, str]:
        """What its programs find in their environment."""
        return {}

    @contextmanager
    def running(self, workers: int, *, deployed: bool = False) -> Iterator[Fleet]:
        """Its programs, started on an empty file of marks and ended at the end."""
        self.arena.marks.empty()
        self.arena.server.drop_runs(but=self.database)
        commands = self.deployed(workers) if deployed else self.commands(workers)
        fleet = Fleet(commands, self.arena.folder / f"{self.slug}.log")
        try:
            yield fleet
        finally:
            fleet.stop()

    def produce(self, mode: str, *numbers: float, producer: str = "") -> Any:
        """Let its producer put jobs in: see bench.apps.produce. Raises RuntimeError, TimeoutExpired."""
        asked = [self.python, "-m", "bench.apps.produce", producer or self.producer, mode, *map(str, numbers)]
        command = self.arena.command(asked, self.arena.folder, self.variables())
        answer = subprocess.run(  # noqa: S603  the bench's own command line
            asked, env=dict(command.environment), cwd=command.folder, capture_output=True, check=False,
            timeout=PRODUCE_SECONDS,
        )  # fmt: skip
        if answer.returncode:
            raise RuntimeError(f"{self.name} cannot {mode}: {answer.stderr.decode(errors='replace')[-2000:]}")
        return json.loads(answer.stdout)

    def jobs(self) -> int:
        """How many jobs a drain needs."""
        scale = self.arena.scale
        return max(60, int(self.pace * (scale.seconds + 1) * scale.pace))


class OnPostgres(Contestant):
    """One whose store is a database of the bench's server."""

    kind: str = ""
    """Contestants of one kind have the same tables, and share the filled databases; empty: no others."""

    @abstractmethod
    def schema(self, dsn: str) -> None:
        """Make its tables."""

    @abstractmethod
    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """Put jobs in, those that are due tomorrow first: so they have the lower numbers."""

    WITHOUT_VACUUM = ""
    """SQL that keeps autovacuum away from its table."""

    def churn(self, conn: psycopg.Connection[Any], jobs: int) -> None:
        """Let so many jobs come, be taken and go, a thousand at a time."""
        raise NotImplementedError

    @property
    def database(self) -> str:
        """The database of the run."""
        return f"{RUN}{self.slug}"

    @property
    def dsn(self) -> str:
        """Where it is."""
        return self.arena.server.dsn(self.database)

    def variables(self) -> dict[str, str]:
        """The database, for libpq and for others."""
        return {"BENCH_DSN": self.dsn, "BENCH_URL": self.arena.server.url(self.database)}

    def stock(self, ready: int, later: int = 0) -> None:
        """Copy the database with so many jobs, which is filled at its first use."""
        self.arena.server.drop_runs(but="")
        self.arena.server.copy(self.database, self.stocked(ready, later))

    def stocked(self, ready: int, later: int) -> str:
        """The name of that database."""
        kind = self.kind or self.slug
        empty = self.arena.stock(f"{kind}_empty", self.schema)
        if not ready and not later:
            return empty
        return self.arena.stock(f"{kind}_{ready}_{later}", lambda dsn: self._fill(dsn, ready, later), template=empty)

    def _fill(self, dsn: str, ready: int, later: int) -> None:
        with psycopg.connect(dsn, autocommit=True) as conn:
            self.insert(conn, ready, later)
            conn.execute("VACUUM ANALYZE")


def chunks(rows: int, first: int = 0) -> Iterator[tuple[int, int]]:
    """(from, to) pieces of the numbers first … first + rows - 1, both ends included."""
    for begin in range(first, first + rows, CHUNK):
        yield begin, min(begin + CHUNK, first + rows) - 1
