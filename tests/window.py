"""A connection that a test looks through again and again; a new one for each look costs both sides milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg


class Window:
    """The database that `dsn` names at the time, in autocommit. A connection that has ended is replaced."""

    def __init__(self, dsn: Callable[[], str]) -> None:
        self.dsn = dsn
        self._to = ""
        self._conn: psycopg.Connection[Any] | None = None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """A query's rows. Raises psycopg.OperationalError when the database is away."""
        if self._conn is not None and self._to == self.dsn():
            try:
                return self._conn.execute(query.encode()).fetchall()
            except psycopg.OperationalError:
                # It is looked at once more below, by a new connection.
                pass
        self.close()
        self._to = self.dsn()
        # Nothing is prepared: tables may change between two looks.
        self._conn = psycopg.connect(self._to, autocommit=True, prepare_threshold=None)
        return self._conn.execute(query.encode()).fetchall()

    def does(self, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement that must not be carried out twice. Raises psycopg.OperationalError."""
        self.rows("SELECT")
        assert self._conn is not None
        return self._conn.execute(query.encode(), parameters).fetchall()

    def close(self) -> None:
        """Leave nothing open."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def pause(waited: float) -> float:
    """Seconds until the next look, when so many have gone by: who waits long need not look a hundred times a second."""
    return min(0.05, 0.01 + waited / 20)
