"""Statements by libpq's own calls, without psycopg's cursor around them: for those that run with every job.

With one slot and caches that others have used meanwhile, a claim through a cursor took 230 to 300 microseconds of the
courier's processor time, and 85 to 105 like this (200 to 400 claims of each kind in turns, Python 3.11, psycopg 3.3). A
dispatch on cold caches took 1.35 ms and takes 1.07 (120 of each, in turns; the bare INSERT 0.83).
"""

from __future__ import annotations

import re
import select
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import Connection, pq
from psycopg.pq.abc import PGconn, PGresult

from qsup import sql

Wait = Callable[[int], None]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
UNKNOWN = "26000"
"""SQLSTATE invalid_sql_statement_name: psycopg forgets all prepared statements of a session after a rollback."""


def numbered(name: str) -> tuple[bytes, list[str]]:
    """The statement with $1, $2 … in the order in which the names first appear, and these names."""
    text = sql.text(name).decode()
    names = list(dict.fromkeys(PLACEHOLDER.findall(text)))
    return PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", text).encode(), names


def readable(descriptor: int) -> None:
    """Wait until it can be read."""
    ready(descriptor, select.POLLIN)


def ready(descriptor: int, events: int) -> None:
    """Wait for one of these events of `select.poll`, or for its end."""
    poll = select.poll()
    poll.register(descriptor, events)
    poll.poll()


class Prepared:
    """A statement of qsup/sql that takes texts and gives rows of texts (None for NULL on both sides)."""

    def __init__(self, name: str) -> None:
        self._name = f"qsup_{name}".encode()
        self._text, self._parameters = numbered(name)
        self._known = WeakKeyDictionary[Connection[Any], str]()
        """Where it is prepared, and how texts are written there."""

    def rows(self, conn: Connection[Any], values: Mapping[str, str | None], wait: Wait = readable) -> list[list[Any]]:
        """Execute it, on a connection in autocommit mode and outside of a transaction.

        `wait` is called with the connection's descriptor and may do something else until that can be read. Raises
        psycopg.Error, UnicodeEncodeError.
        """
        encoding = self._known.get(conn) or self._prepare(conn)
        result = self._execute(conn, values, encoding, wait)
        if result.error_field(pq.DiagnosticField.SQLSTATE) == UNKNOWN.encode():
            self._prepare(conn)
            result = self._execute(conn, values, encoding, wait)
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise _error(result, encoding)
        columns, value = range(result.nfields), result.get_value
        return [[_text(value(row, column), encoding) for column in columns] for row in range(result.ntuples)]

    def _prepare(self, conn: Connection[Any]) -> str:
        encoding = conn.info.encoding
        result = _answer(conn, lambda: conn.pgconn.prepare(self._name, self._text))
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise _error(result, encoding)
        # As psycopg does: a database of SQL_ASCII takes the bytes as they are.
        return self._known.setdefault(conn, "utf-8" if encoding == "ascii" else encoding)

    def _execute(self, conn: Connection[Any], values: Mapping[str, str | None], encoding: str, wait: Wait) -> PGresult:
        conn.pgconn.send_query_prepared(self._name, [_bytes(values[name], encoding) for name in self._parameters])
        result = _result(conn.pgconn, wait)
        # What has come with the answer stands in libpq's queue, and makes no descriptor readable any more.
        while conn.pgconn.notify_handler is not None and (note := conn.pgconn.notifies()) is not None:
            conn.pgconn.notify_handler(note)
        return result


def _result(pgconn: PGconn, wait: Wait) -> PGresult:
    while pgconn.flush():
        # Not all of it fits into the socket: the server may be waiting for us to read.
        ready(pgconn.socket, select.POLLIN | select.POLLOUT)
        pgconn.consume_input()
    while pgconn.is_busy():
        wait(pgconn.socket)
        pgconn.consume_input()
    result = pgconn.get_result()
    while result is not None and pgconn.get_result() is not None:
        pass
    if result is None:
        raise psycopg.OperationalError(pgconn.get_error_message())
    return result


def _answer(conn: Connection[Any], call: Callable[[], PGresult]) -> PGresult:
    try:
        return call()
    except MemoryError:
        # psycopg's word for every call that libpq gives no result to, also because the connection was lost before.
        if not conn.closed:
            raise
        raise psycopg.OperationalError(conn.pgconn.get_error_message()) from None


def _bytes(value: str | None, encoding: str) -> bytes | None:
    if value is not None and "\0" in value:
        # libpq would take it for the end of the text.
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return None if value is None else value.encode(encoding)


def _text(value: bytes | None, encoding: str) -> str | None:
    return None if value is None else value.decode(encoding)


def _error(result: PGresult, encoding: str) -> psycopg.Error:
    error = psycopg.errors.error_from_result(result, encoding)
    # Without a state it is libpq's own: the server is gone.
    return error if error.sqlstate else psycopg.OperationalError(str(error))
