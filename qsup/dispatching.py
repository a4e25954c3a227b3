"""Putting jobs on their queues: one call of the SQL function qsup.dispatch, which decides everything.

With a connection of the caller's the job joins the caller's transaction; without one it is stored through this
process's own connection. The function refuses what is not declared, and its SQLSTATEs become the errors of qsup.errors.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection

from qsup import sql, store
from qsup.errors import (
    DatabaseUnavailable,
    DispatchError,
    InvalidPayload,
    PayloadTooLarge,
    RetiredQueue,
    UndeclaredQueue,
    UnheardQueue,
    UnknownJob,
)
from qsup.job import Delay, Job

log = logging.getLogger("qsup.dispatch")

REFUSALS: dict[str, type[DispatchError]] = {
    "QS001": UnknownJob,
    "QS002": UndeclaredQueue,
    "QS003": RetiredQueue,
    "QS004": InvalidPayload,
    "QS005": PayloadTooLarge,
    "QS006": UnheardQueue,
    "QS007": DispatchError,
    # jsonb holds neither NUL characters nor lone surrogates.
    "22P05": InvalidPayload,
    "22P02": InvalidPayload,
}


def dispatch(
    job: Job,
    conn: Connection[Any] | AsyncConnection[Any] | None = None,
    *,
    delay: Delay | None = None,
    at: datetime | None = None,
    unique: str | None = None,
    queue: str | None = None,
) -> Any:
    """Store one job and return its id (an awaitable of it for an AsyncConnection). See qsup.Job.dispatch."""
    values = store.dispatch_values(_name(job), _payload(job), queue, _seconds(delay), _moment(at), unique)
    if isinstance(conn, AsyncConnection):
        return _dispatch_async(conn, values)
    row = _execute(conn, "dispatch", values)
    return _accepted(row)


def dispatch_many(
    jobs: Iterable[Job],
    conn: Connection[Any] | AsyncConnection[Any] | None = None,
    *,
    delay: Delay | None = None,
    at: datetime | None = None,
    queue: str | None = None,
) -> Any:
    """Store all jobs in one statement, or none; returns their ids in the same order."""
    every = list(jobs)
    values = {
        "jobs": [_name(job) for job in every],
        "payloads": [_payload(job) for job in every],
        "queue": queue,
        "delay": _seconds(delay),
        "at": _moment(at),
    }
    if isinstance(conn, AsyncConnection):
        return _many_async(conn, values)
    return list(_execute(conn, "dispatch_many", values)[0])


def dispatch_raw(conn: Connection[Any], name: str, payloads: Sequence[str], **options: Any) -> list[int]:
    """Store jobs by class name and JSON texts, without their class: for the command line."""
    values = {"queue": None, "delay": None, "at": None} | options
    return list(
        _execute(conn, "dispatch_many", values | {"jobs": [name] * len(payloads), "payloads": list(payloads)})[0]
    )


def dispatch_one(conn: Connection[Any], name: str, payload: str, *, unique: str, **options: Any) -> int:
    """Store one job by class name and JSON text under a unique key: for the command line."""
    values = {"queue": None, "delay": None, "at": None} | options
    return _accepted(_execute(conn, "dispatch", values | {"job": name, "payload": payload, "unique": unique}))


def refusal(error: psycopg.Error) -> Exception:
    """What a database error means to somebody who dispatches."""
    kind = REFUSALS.get(error.sqlstate or "")
    if kind is not None:
        return kind(
            error.diag.message_primary or str(error), hint=error.diag.message_hint or error.diag.message_detail or ""
        )
    if error.sqlstate == "3F000" or error.sqlstate == "42883":
        return DispatchError("this database has no schema qsup, or an old one", hint="Run `qsup migrate`.")
    if isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailable(f"the job was not stored: {str(error).strip()}")
    return error


async def _dispatch_async(conn: AsyncConnection[Any], values: dict[str, Any]) -> int:
    return _accepted(await _execute_async(conn, "dispatch", values))


async def _many_async(conn: AsyncConnection[Any], values: dict[str, Any]) -> list[int]:
    return list((await _execute_async(conn, "dispatch_many", values))[0])


async def _execute_async(conn: AsyncConnection[Any], statement: str, values: dict[str, Any]) -> Any:
    try:
        return await (await conn.execute(sql.text(statement), values)).fetchone()
    except psycopg.Error as error:
        raise refusal(error) from None


def _execute(conn: Connection[Any] | None, statement: str, values: dict[str, Any]) -> Any:
    try:
        if conn is not None:
            return conn.execute(sql.text(statement), values).fetchone()
        with own.lock:
            return own.connection().execute(sql.text(statement), values).fetchone()
    except psycopg.Error as error:
        raise refusal(error) from None


def _accepted(row: Any) -> int:
    number, _created, warning = row
    if warning:
        log.warning("job %s: %s", number, warning)
    return int(number)


def _name(job: Job) -> str:
    return type(job).__name__


def _payload(job: Job) -> str:
    try:
        return job.model_dump_json()
    except ValueError as error:
        raise InvalidPayload(f"{_name(job)} cannot be written as JSON: {error}") from None


def _seconds(delay: Delay | None) -> float | None:
    return delay.total_seconds() if isinstance(delay, timedelta) else delay


def _moment(at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise DispatchError(
            f"at={at.isoformat()} has no time zone", hint="Give an aware datetime, for example datetime.now(UTC)."
        )
    return at


class OwnConnection:
    """This process's connection for dispatches without `conn`: opened when needed, again after a loss or a fork."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.dsn = ""
        self._conn: Connection[Any] | None = None
        self._pid = 0

    def connection(self) -> Connection[Any]:
        """An open autocommit connection. Raises DatabaseUnavailable."""
        if self._conn is None or self._conn.closed or self._pid != os.getpid():
            self._conn = self._open()
            self._pid = os.getpid()
        return self._conn

    def _open(self) -> Connection[Any]:
        from qsup import connect

        return connect.open_connection(self.dsn or connect.default_dsn(), role="dispatch")

    def close(self) -> None:
        """Close it; the next dispatch opens another."""
        if self._conn is not None and self._pid == os.getpid():
            self._conn.close()
        self._conn = None


own = OwnConnection()
