"""The claim by libpq's own call: prepared again when it is gone, errors of psycopg's classes, notifications heard."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from qsup import store
from qsup.prepared import readable
from qsup.rows import Want

NOTHING: tuple[str, list[Any], list[Want], dict[str, float]] = ("us", [], [Want("a", ("a:0",), 0, 60.0, 30.0)], {})


def claim(conn: Connection[Any]) -> None:
    store.claim_and_record(conn, *NOTHING)


def test_a_statement_that_the_session_has_forgotten_is_prepared_again(db: Connection[Any]) -> None:
    claim(db)
    db.execute("DEALLOCATE ALL")
    claim(db)
    row = db.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = 'qsup_claim_and_record'").fetchone()
    assert row == (1,)


def test_who_waits_for_the_answer_may_do_something_else_until_it_is_there(db: Connection[Any]) -> None:
    waited: list[int] = []

    def wait(descriptor: int) -> None:
        waited.append(descriptor)
        readable(descriptor)

    store.claim_and_record(db, *NOTHING, wait)
    store.end_done(db, [(1, 1)], wait)
    assert len(waited) >= 2
    assert set(waited) == {db.fileno()}


def test_a_statement_of_more_than_a_socket_takes_goes_through(db: Connection[Any]) -> None:
    assert store.end_done(db, [(10**12 + number, 1) for number in range(100_000)]) == set()
    claim(db)


def test_what_the_server_refuses_is_the_error_that_psycopg_would_raise(db: Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation) as refused:
        store.claim_and_record(db, "us", [("x", 1)], [], {})  # type: ignore[list-item]  # nonsense on purpose
    assert refused.value.sqlstate == "22P02"
    claim(db)


def test_a_connection_that_is_gone_is_an_operational_error_at_each_call(db: Connection[Any], dsn: str) -> None:
    with Connection.connect(dsn, autocommit=True) as conn:
        claim(conn)
        db.execute("SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            claim(conn)
        assert conn.closed
        with pytest.raises(psycopg.OperationalError):
            claim(conn)


def test_a_notification_that_comes_with_the_answer_is_heard(db: Connection[Any]) -> None:
    heard: list[str] = []
    db.add_notify_handler(lambda note: heard.append(note.payload))
    db.execute("LISTEN here")
    db.execute("BEGIN")
    db.execute("NOTIFY here, 'a'")
    db.execute("COMMIT")
    with Connection.connect(db.info.dsn, autocommit=True, password=db.info.password) as other:
        other.execute("NOTIFY here, 'b'")
    claim(db)
    claim(db)
    assert heard == ["a", "b"]
