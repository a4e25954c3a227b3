"""`ctx.transaction()`: a connection whose COMMIT also ends the job, so that what the handler writes happens once.

The first statement of the transaction deletes the job by id and claim number. From then on the row is locked by this
transaction: nobody can end, release or claim it, and a rollback brings it back. No row means that the claim was lost:
`Superseded`, before the handler has written anything. Being first it also frees the job's own `unique` key for a
dispatch inside the block.

A setting that lives as long as the transaction is asked for together with COMMIT: if the handler has ended or broken
the transaction inside the block, that question fails, and nothing is taken for committed.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

import psycopg

from qsup import connect, sql
from qsup.errors import DatabaseUnavailable, Superseded
from qsup.literals import numbers
from qsup.messages import Work

IDLE_LIMIT = 60.0
"""Seconds after its last use at which a worker closes its connection."""

State = Literal["unused", "open", "committed", "unknown", "rolled back"]


class Connections:
    """The worker's own connection: opened at the first transaction, kept for the next job."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._conn: psycopg.Connection[Any] | None = None
        self._dsn = ""
        self._used = 0.0

    def get(self, dsn: str) -> psycopg.Connection[Any]:
        """A usable connection, not in autocommit mode. Raises DatabaseUnavailable."""
        if self._conn is None or self._conn.closed or self._conn.broken or dsn != self._dsn:
            self.close()
            self._conn, self._dsn = connect.open_connection(dsn, role=self.name, autocommit=False), dsn
            self._conn.execute(CHECK_CLIENT)
            self._conn.commit()
        self._used = time.monotonic()
        return self._conn

    def close_idle(self) -> None:
        """Close it when it was not used for a minute."""
        if self._conn is not None and time.monotonic() - self._used > IDLE_LIMIT:
            self.close()

    def close(self) -> None:
        """Close it now."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None


COMMIT = b"SELECT current_setting('qsup.job')::bigint; COMMIT"
CHECK_CLIENT = b"SET client_connection_check_interval = 1000"
"""Milliseconds: the server notices a killed client even in the middle of a query."""

ENDED = "the handler ended the transaction itself; leave COMMIT and ROLLBACK to the end of the block"
BROKEN = {
    "25P02": "the handler caught an error of PostgreSQL, which has undone the whole block; let the error pass, or write"
    " what may fail in a savepoint (`with conn.transaction():`)",
    "22P02": ENDED,
    "42704": ENDED,
}
"""Why the question that goes with COMMIT failed, by SQLSTATE."""


class JobTransaction:
    """One use of ctx.transaction(), as `with` or `async with`."""

    def __init__(
        self, work: Work, connections: Connections, rest: float, before_commit: Callable[[], None],
        check: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.state: State = "unused"
        self._work = work
        self._connections = connections
        self._rest = rest
        self._before_commit = before_commit
        self._check = check
        self._pid = os.getpid()
        self._conn: Any = None

    def __enter__(self) -> psycopg.Connection[Any]:
        self._open()
        try:
            self._conn = self._connections.get(self._work.dsn)
            row = self._begin_sync(self._conn)
        except psycopg.OperationalError as error:
            raise self._unavailable(error) from None
        if row is None:
            self._conn.rollback()
            raise self._superseded()
        return self._conn  # type: ignore[no-any-return]  # _conn is the sync connection here

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if os.getpid() != self._pid:
            # A child that the handler forked: the connection is its parent's.
            return
        if error is not None:
            self.state = "rolled back"
            self._undo(error)
            return
        self._before_commit()
        try:
            self._conn.execute(COMMIT, prepare=False)
        except psycopg.Error as lost:
            self._undo(lost)
            self._not_committed(lost)
        self.state = "committed"

    async def __aenter__(self) -> psycopg.AsyncConnection[Any]:
        self._open()
        try:
            self._conn = await connect.open_async(self._work.dsn, role=self._connections.name)
            await self._conn.execute(CHECK_CLIENT)
            row = await self._begin_async(self._conn)
        except psycopg.OperationalError as error:
            raise self._unavailable(error) from None
        if row is None:
            await self._conn.close()
            raise self._superseded()
        return self._conn  # type: ignore[no-any-return]  # _conn is the async connection here

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if os.getpid() != self._pid:
            return
        try:
            if error is not None:
                self.state = "rolled back"
                return
            self._before_commit()
            await self._conn.execute(COMMIT, prepare=False)
            self.state = "committed"
        except psycopg.Error as lost:
            self._not_committed(lost)
        finally:
            await self._conn.close()

    def abandon(self) -> bool:
        """After the handler's end: if it left the block open, end the connection; only the database knows what came.

        A thread may be using it, so its socket is shut and the object is not touched.
        """
        if self.state != "open":
            return False
        self.state = "unknown"
        if self._conn is not None and not self._conn.closed:
            with socket.socket(fileno=os.dup(self._conn.fileno())) as end:
                end.shutdown(socket.SHUT_RDWR)
        return True

    def _undo(self, error: BaseException) -> None:
        # An alarm raised inside a psycopg call ruins the connection: only after an ordinary error is it asked again.
        if not isinstance(error, Exception):
            self._connections.close()
            return
        try:
            self._conn.rollback()
        except psycopg.Error:
            self._connections.close()

    def _open(self) -> None:
        self._check()
        if self.state != "unused":
            raise RuntimeError("ctx.transaction() ends the job: it can be used once per run")
        self.state = "open"

    def _superseded(self) -> Superseded:
        self.state = "rolled back"
        return Superseded(f"job {self._work.id}: claim {self._work.claim} was ended or taken over elsewhere")

    def _unavailable(self, error: psycopg.OperationalError) -> DatabaseUnavailable:
        self.state = "rolled back"
        return DatabaseUnavailable(f"ctx.transaction(): {str(error).strip()}")

    def _not_committed(self, error: psycopg.Error) -> None:
        # A refusal with an SQLSTATE (a deferred constraint, a serialization failure) is an answer; silence is not.
        self.state = "rolled back" if error.sqlstate else "unknown"
        if error.sqlstate in BROKEN:
            raise RuntimeError(f"ctx.transaction(): {BROKEN[error.sqlstate]}") from error
        raise error

    def _settings(self) -> str:
        limit = max(1000, int(self._rest * 1000))
        return f"SET LOCAL idle_in_transaction_session_timeout = {limit}; SET LOCAL qsup.job = {self._work.id}"

    def _begin_sync(self, conn: psycopg.Connection[Any]) -> Any:
        conn.execute(self._settings().encode(), prepare=False)
        return conn.execute(sql.text(self._statement), self._values).fetchone()

    async def _begin_async(self, conn: psycopg.AsyncConnection[Any]) -> Any:
        await conn.execute(self._settings().encode(), prepare=False)
        return await (await conn.execute(sql.text(self._statement), self._values)).fetchone()

    @property
    def _statement(self) -> str:
        return "archive" if self._work.keep else "complete"

    @property
    def _values(self) -> dict[str, Any]:
        if self._work.keep:
            return {"ids": numbers([self._work.id]), "claims": numbers([self._work.claim])}
        return {"id": self._work.id, "claim": self._work.claim}
