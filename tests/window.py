"""A connection that a test looks through again and again; a new one for each look costs both sides milliseconds."""

from __future__ import annotations

from typing import Any

import psycopg


class Window:
    """One database, in autocommit. A connection that has ended is replaced at the next look."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._conn: psycopg.Connection[Any] | None = None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """A query's rows. Raises psycopg.OperationalError when the database is away."""
        if self._conn is not None:
            try:
                return self._conn.execute(query.encode()).fetchall()
            except psycopg.OperationalError:
                self.close()
        # Nothing is prepared: tables may change between two looks.
        self._conn = psycopg.connect(self.dsn, autocommit=True, prepare_threshold=None)
        return self._conn.execute(query.encode()).fetchall()

    def close(self) -> None:
        """Leave nothing open."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def pause(waited: float) -> float:
    """Seconds until the next look, when so many have gone by: who waits long need not look a hundred times a second."""
    return min(0.05, 0.01 + waited / 20)
