"""What every contestant can do, whatever it is made of."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench.arena import Arena
from bench.processes import Command, Fleet

CHUNK = 20_000
"""Rows of one INSERT while a table is filled."""


class Contestant(ABC):
    """One way to run jobs."""

    name: str
    slug: str
    pace: int = 10_000
    """Jobs a second that it may reach: a drain needs enough of them to last."""
    at_least_once: bool = True
    patience: float = 0.0
    """Seconds that its programs get to stop in order before they are killed."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena

    @abstractmethod
    def stock(self, ready: int, later: int = 0) -> None:
        """A fresh store with so many jobs that are due, and so many that are due tomorrow."""

    @abstractmethod
    def commands(self, workers: int) -> list[Command]:
        """The programs that serve the store with so many workers."""

    @contextmanager
    def running(self, workers: int) -> Iterator[Fleet]:
        """Its programs, started on an empty file of marks and ended at the end."""
        self.arena.marks.empty()
        fleet = Fleet(self.commands(workers), self.arena.folder / f"{self.slug}.log")
        try:
            yield fleet
        finally:
            fleet.stop(self.patience)

    def jobs(self) -> int:
        """How many jobs a drain needs."""
        scale = self.arena.scale
        return max(60, int(self.pace * (scale.seconds + 1) * scale.pace))


class OnPostgres(Contestant):
    """One whose store is a database of the bench's server."""

    @abstractmethod
    def schema(self, dsn: str) -> None:
        """Make its tables."""

    @abstractmethod
    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """Put jobs in, those that are due tomorrow first: so they have the lower numbers."""

    @property
    def database(self) -> str:
        """The database of the run."""
        return f"run_{self.slug}"

    @property
    def dsn(self) -> str:
        """Where it is."""
        return self.arena.server.dsn(self.database)

    def stock(self, ready: int, later: int = 0) -> None:
        """Copy the database with so many jobs, which is filled at its first use."""
        self.arena.server.copy(self.database, self.stocked(ready, later))

    def stocked(self, ready: int, later: int) -> str:
        """The name of that database."""
        empty = self.arena.stock(f"empty_{self.slug}", self.schema)
        if not ready and not later:
            return empty
        return self.arena.stock(
            f"{self.slug}_{ready}_{later}", lambda dsn: self._fill(dsn, ready, later), template=empty
        )

    def _fill(self, dsn: str, ready: int, later: int) -> None:
        with psycopg.connect(dsn, autocommit=True) as conn:
            self.insert(conn, ready, later)
            conn.execute("VACUUM ANALYZE")


def chunks(rows: int, first: int = 0) -> Iterator[tuple[int, int]]:
    """(from, to) pieces of the numbers first … first + rows - 1, both ends included."""
    for begin in range(first, first + rows, CHUNK):
        yield begin, min(begin + CHUNK, first + rows) - 1


def patiently(what: str, seconds: float, true: Any) -> None:
    """Wait until `true()`; raises TimeoutError that says what it waited for."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.005)
