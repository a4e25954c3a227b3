"""Putting jobs on their queues: one call of the SQL function qsup.dispatch, which decides everything.

With a connection of the caller's the job joins the caller's transaction; without one it is stored through this
process's own connection. The function refuses what is not declared, and its SQLSTATEs become the errors of qsup.errors.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.rows import tuple_row

from qsup import sql, store
from qsup.complaints import as_error
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
    # The delay or time is outside of what a timestamp holds.
    "22008": DispatchError,
}

GONE: dict[tuple[str | None, str | None], type[DispatchError]] = {
    ("qsup", "jobs_queue_fkey"): UndeclaredQueue,
    ("qsup", "jobs_type_fkey"): UnknownJob,
}

UNSTORABLE = ("22P05", "22P02", "22003", "54000", "54001")
"""jsonb holds neither NUL characters nor lone surrogates, its numbers are neither NaN nor infinite nor of more than
131,072 digits, its texts no longer than 256 MB; and it is nested some thousand deep at most."""


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
    return _accepted(_execute(conn, "dispatch", values))


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
    payloads = [_payload(job) for job in every]
    values = store.dispatch_many_values(map(_name, every), payloads, queue, _seconds(delay), _moment(at))
    if isinstance(conn, AsyncConnection):
        return _many_async(conn, values)
    return list(_execute(conn, "dispatch_many", values)[0])


def dispatch_raw(conn: Connection[Any], name: str, payloads: Sequence[str], **options: Any) -> list[int]:
    """Store jobs by class name and JSON texts, without their class: for the command line."""
    rest = {"queue": None, "at": None} | options | {"delay": _seconds(options.get("delay"))}
    values = store.dispatch_many_values([name] * len(payloads), payloads, **rest)
    return list(_execute(conn, "dispatch_many", values)[0])


def dispatch_one(conn: Connection[Any], name: str, payload: str, *, unique: str | None, **options: Any) -> int:
    """Store one job by class name and JSON text, perhaps under a unique key: for the command line."""
    values = {"queue": None, "at": None} | options | {"delay": _seconds(options.get("delay"))}
    return _accepted(_execute(conn, "dispatch", values | {"job": name, "payload": payload, "unique": unique}))


def refusal(error: psycopg.Error | UnicodeEncodeError) -> Exception:
    """What a database error means to somebody who dispatches."""
    if isinstance(error, UnicodeEncodeError) or (isinstance(error, psycopg.DataError) and not error.sqlstate):
        return DispatchError(f"a text that no database takes: {error}")
    state, said = error.sqlstate or "", error.diag
    if state in REFUSALS:
        return REFUSALS[state](said.message_primary or str(error), hint=said.message_hint or said.message_detail or "")
    if state in UNSTORABLE:
        return InvalidPayload(f"PostgreSQL cannot store the payload: {said.message_detail or said.message_primary}")
    if (said.schema_name, said.constraint_name) in GONE:
        # An edit took it away between the function's look and its INSERT.
        gone = GONE[said.schema_name, said.constraint_name]
        return gone(f"no applied queues.yaml declares it any more: {said.message_detail}")
    if state in ("3F000", "42883"):
        return DispatchError("this database has no schema qsup, or an old one", hint="Run `qsup migrate`.")
    if state == "42501":
        return DispatchError(
            f"this database user may not dispatch: {said.message_primary}", hint="GRANT qsup_dispatcher TO its role."
        )
    if state == "25006":
        return as_error(error)
    if isinstance(error, psycopg.OperationalError) and not state.startswith(ASKED_AGAIN):
        return DatabaseUnavailable(f"no answer says that the job was stored: {str(error).strip()}")
    return error


LONGEST_DELAY = 1e15
"""Seconds; beyond it PostgreSQL has no such interval, and says so in words of its own."""
ASKED_AGAIN = ("40", "55", "57014")
"""SQLSTATEs that a transaction's owner must see as they are, to run it again: serialization, locks, cancelled."""


async def _dispatch_async(conn: AsyncConnection[Any], values: dict[str, Any]) -> int:
    return _accepted(await _execute_async(conn, "dispatch", values))


async def _many_async(conn: AsyncConnection[Any], values: dict[str, Any]) -> list[int]:
    return list((await _execute_async(conn, "dispatch_many", values))[0])


async def _execute_async(conn: AsyncConnection[Any], statement: str, values: dict[str, Any]) -> Any:
    try:
        # The caller's connection may make dictionaries of its rows.
        cursor = conn.cursor(row_factory=tuple_row)
        return await (await cursor.execute(sql.text(statement), values)).fetchone()
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise refusal(error) from None


def _execute(conn: Connection[Any] | None, statement: str, values: dict[str, Any]) -> Any:
    try:
        if conn is not None:
            return conn.cursor(row_factory=tuple_row).execute(sql.text(statement), values).fetchone()
        with own.used() as mine:
            return ON_OUR_OWN[statement](mine, values)
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise refusal(error) from None


ON_OUR_OWN: dict[str, Callable[[Connection[Any], dict[str, Any]], Any]] = {
    "dispatch": store.dispatch,
    "dispatch_many": store.dispatch_many,
}
"""That connection is in autocommit mode and has plain rows: there are shorter ways to ask than a cursor."""


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
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    if seconds is not None and not abs(seconds) <= LONGEST_DELAY:
        raise DispatchError(
            f"delay={seconds:g} seconds is no time that one can wait", hint="Give a finite delay or at."
        )
    return seconds


def _moment(at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise DispatchError(
            f"at={at.isoformat()} has no time zone", hint="Give an aware datetime, for example datetime.now(UTC)."
        )
    return at


CANCEL_SECONDS = 5.0
"""For a dispatch that was interrupted to be taken back."""


class OwnConnection:
    """This process's connection for dispatches without `conn`: opened when needed, again after a loss or a fork."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.dsn = ""
        self._conn: Connection[Any] | None = None
        self._pid = 0

    def connection(self) -> Connection[Any]:
        """An open autocommit connection. Raises DatabaseUnavailable."""
        if self._conn is None or self._pid != os.getpid() or died_idle(self._conn):
            self._conn = self._open()
            self._pid = os.getpid()
        return self._conn

    @contextmanager
    def used(self) -> Iterator[Connection[Any]]:
        """`connection()` for one call, by one thread at a time. Raises DatabaseUnavailable, or what that raises."""
        with self.lock:
            try:
                yield self.connection()
            except (psycopg.Error, UnicodeEncodeError, DatabaseUnavailable):
                raise
            except BaseException:
                # Ctrl-C, or a handler's time limit: the answer is still to come, and must not meet the next call.
                self._break_off()
                raise

    def _break_off(self) -> None:
        try:
            # In a forked child it may still be the parent's, in the middle of a dispatch of its own.
            if self._conn is not None and self._pid == os.getpid():
                self._conn.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.Error:
            # The server is not to be reached: whether the job was stored is not known then.
            pass
        finally:
            self.close()

    def _open(self) -> Connection[Any]:
        from qsup import connect

        return connect.open_connection(self.dsn or connect.default_dsn(), role="dispatch")

    def close(self) -> None:
        """Close it; the next dispatch opens another."""
        if self._conn is not None and self._pid == os.getpid():
            self._conn.close()
        self._conn = None


def died_idle(conn: Connection[Any]) -> bool:
    """Whether the server has ended this connection while nobody used it.

    Asked before a dispatch, because after it nobody could say whether the job was stored. A quiet socket costs no
    round trip; only when the server has said something unasked (its farewell, or a notification) it is asked back.
    """
    look = select.poll()
    try:
        look.register(conn.fileno(), select.POLLIN)
        if look.poll(0):
            conn.execute("SELECT 1")
    except psycopg.OperationalError:
        conn.close()
    return conn.closed


own = OwnConnection()
