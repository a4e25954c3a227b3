"""Asking PostgreSQL about one job, in one snapshot. It only reads, so that a standby answers too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection, Cursor
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from qsup import connect, sql
from qsup.complaints import as_error
from qsup.embedded import is_embedded
from qsup.errors import DatabaseUnavailable
from qsup.literals import numbers
from qsup.migrate import require
from qsup.why.facts import Ahead, Busy, Facts, Listener, Live, Server

EVERYTHING = 2**63 - 1
"""A place behind all others."""


@contextmanager
def reading(dsn: str) -> Iterator[Connection[Any]]:
    """A connection to a server that may only read. Raises QsupError."""
    with _opened(dsn) as conn:
        try:
            require(conn)
            yield conn
        except psycopg.Error as error:
            raise as_error(error) from None


def _opened(dsn: str) -> Connection[Any]:
    try:
        return connect.open_own(dsn, role="why")
    except DatabaseUnavailable as refused:
        if is_embedded(dsn):
            raise
        try:
            # The first one wanted a server that writes, as all others do.
            return connect.open_own(make_conninfo(dsn, target_session_attrs="any"), role="why")
        except DatabaseUnavailable:
            raise refused from None


def ask(conn: Connection[Any], number: int) -> Facts:
    """What the database knows of a job, of one moment. Raises psycopg.Error."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return found(conn, number)


def found(conn: Connection[Any], number: int) -> Facts:
    """The same inside a transaction of the caller's."""
    with conn.cursor(row_factory=dict_row) as cursor:

        def rows(name: str) -> list[DictRow]:
            return _rows(cursor, name, {"id": number})

        [server] = [Server(**row) for row in _rows(cursor, "why_server", {})]
        live = next((Live(**row) for row in rows("why_job")), None)
        facts = Facts(
            id=number, server=server, live=live, failed=next(iter(rows("story_failed")), None),
            done=next(reversed(rows("story_done")), None), events=rows("story_events"),
        )  # fmt: skip
        return facts if live is None else _surrounded(cursor, facts, live)


def _rows(cursor: Cursor[DictRow], name: str, values: Mapping[str, Any]) -> list[DictRow]:
    return [_local(row) for row in cursor.execute(sql.text(name), values).fetchall()]


def _local(row: DictRow) -> DictRow:
    return {name: one.astimezone() if isinstance(one, datetime) else one for name, one in row.items()}


def _surrounded(cursor: Cursor[DictRow], facts: Facts, live: Live) -> Facts:
    busy = [Busy(**row) for row in _rows(cursor, "why_busy", {})]
    asked = _rows(cursor, "why_listeners", {"queue": live.queue, "job": live.job})
    listeners = [_listener(row, live.queue, busy) for row in asked]
    head = next((one for one in busy if (one.supervisor, one.slot) == (live.supervisor, live.slot)), None)
    return Facts(
        id=facts.id, server=facts.server, live=live, failed=facts.failed, done=facts.done, events=facts.events,
        listeners=listeners, ahead=_ahead(cursor, live, listeners) if live.ready else (),
        before_it=head if head is not None and head.id != live.id else None,
    )  # fmt: skip


def _listener(row: DictRow, queue: str, busy: Sequence[Busy]) -> Listener:
    slots, pools = row.pop("slots"), row.pop("pools")
    pool, first = _pool(queue, pools)
    solo = not slots
    of_it = [one for one in busy if one.supervisor == row["id"]]
    at_work = [one for one in of_it if solo or one.slot.rpartition(":")[0] == pool]
    return Listener(**row, pool=pool, workers=1 if solo else slots.get(pool, 0), first=first, busy=tuple(at_work))


def _pool(queue: str, pools: Mapping[str, list[str]]) -> tuple[str, tuple[str, ...]]:
    """The queue whose workers serve this one, and what they serve before it."""
    for pool, served in pools.items():
        if queue in served:
            return pool, tuple(served[: served.index(queue)])
    return queue, ()


def _ahead(cursor: Cursor[DictRow], live: Live, listeners: Sequence[Listener]) -> list[Ahead]:
    first = dict.fromkeys(queue for one in listeners if one.alive and one.hears for queue in one.first)
    queues = [*first, live.queue]
    before = numbers([EVERYTHING] * len(first) + [live.seq])
    return [Ahead(**row) for row in _rows(cursor, "why_ahead", {"queues": queues, "before": before})]
