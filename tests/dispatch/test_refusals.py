"""What is refused: each with its own exception, nothing stored, and the caller's transaction as usable as it was."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

import qsup
from qsup import dispatching
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
from tests.dispatch.conftest import Rows
from tests.dispatch.jobs import Note, Retired, Unheard, Unwritten

Refused = tuple[qsup.Job, dict[str, Any], type[DispatchError], str]
REFUSED: dict[str, Refused] = {
    "an unknown job": (Unwritten(), {}, UnknownJob, "no queue is declared for the job class Unwritten"),
    "an undeclared queue": (Note(), {"queue": "note"}, UndeclaredQueue, "the queue note is not declared"),
    "a retired job": (Retired(), {}, RetiredQueue, "the job class Retired is retired"),
    "a retired queue": (Note(), {"queue": "old"}, RetiredQueue, "the queue old is retired"),
    "a queue without workers": (Unheard(), {}, UnheardQueue, "the queue idle is declared without workers"),
    "a NUL": (Note(text="a\0b"), {}, InvalidPayload, "PostgreSQL cannot store the payload: \\u0000 cannot be"),
    "a lone surrogate": (Note(text="a\ud800b"), {}, InvalidPayload, "Note cannot be written as JSON"),
    "no number": (Note(number=float("nan")), {}, InvalidPayload, "PostgreSQL cannot store the payload"),
    "an infinite number": (Note(number=float("inf")), {}, InvalidPayload, "PostgreSQL cannot store the payload"),
    "too much": (Note(text="x" * 1000), {}, PayloadTooLarge, "the limit is 1000"),
    "an endless delay": (Note(), {"delay": float("inf")}, DispatchError, ""),
    "a delay beyond all times": (Note(), {"delay": 1e17}, DispatchError, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_is(case: str, stored: Rows) -> None:
    job, options, kind, message = REFUSED[case]
    with pytest.raises(DispatchError) as caught:
        job.dispatch(**options)
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert stored() == []
    assert job.__class__ is not Note or Note().dispatch(), "the next one is stored"


@pytest.mark.parametrize("case", [name for name in REFUSED if name != "too much"])
def test_one_refused_among_many_stores_none(case: str, stored: Rows) -> None:
    job, options, kind, _ = REFUSED[case]
    with pytest.raises(DispatchError) as caught:
        qsup.dispatch_many([Note(), job, Note()], **options)
    assert type(caught.value) is kind
    assert stored() == []


def test_a_savepoint_keeps_the_callers_transaction_usable(dsn: str, stored: Rows) -> None:
    with Connection.connect(dsn) as conn:
        first = Note().dispatch(conn)
        with pytest.raises(UnknownJob), conn.transaction():
            Unwritten().dispatch(conn)
        second = Note().dispatch(conn)
    assert [row[0] for row in stored()] == [first, second]


def test_what_python_itself_refuses_does_not_touch_the_transaction(dsn: str, stored: Rows) -> None:
    with Connection.connect(dsn) as conn:
        with pytest.raises(InvalidPayload):
            Note(text="\ud800").dispatch(conn)
        assert Note().dispatch(conn)
    assert len(stored()) == 1


def test_async_refusals_are_the_same(dsn: str, stored: Rows) -> None:
    async def go() -> None:
        async with await AsyncConnection.connect(dsn, autocommit=True) as conn:
            for case, (job, options, kind, _) in REFUSED.items():
                with pytest.raises(kind):
                    await job.dispatch(conn, **options)
                assert stored() == [], case

    asyncio.run(go())


def test_text_that_no_database_takes_is_refused_in_a_key_and_a_queue(stored: Rows) -> None:
    for key in ("a\0b", "\ud800"):
        with pytest.raises(DispatchError, match="a text that no database takes"):
            Note().dispatch(unique=key)
        with pytest.raises(DispatchError, match="a text that no database takes"):
            Note().dispatch(queue=key)
    assert stored() == []


def test_a_type_that_goes_at_this_moment_is_an_unknown_job(db: Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as violated:
        db.execute("INSERT INTO qsup.jobs (queue, type, payload) VALUES ('notes', 'Gone', '{}')")
    assert isinstance(dispatching.refusal(violated.value), UnknownJob)
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as violated:
        db.execute("INSERT INTO qsup.jobs (queue, type, payload) VALUES ('gone', 'Note', '{}')")
    assert isinstance(dispatching.refusal(violated.value), UndeclaredQueue)


def test_a_violation_of_the_callers_own_tables_is_not_taken_for_a_refusal(db: Connection[Any]) -> None:
    db.execute("CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE lines (id int REFERENCES orders)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as violated:
        db.execute("INSERT INTO lines VALUES (1)")
    assert dispatching.refusal(violated.value) is violated.value


def test_a_database_that_does_not_answer(own: dispatching.OwnConnection) -> None:
    own.close()
    own.dsn = "postgresql://qsup:hunter2@127.0.0.1:1/nothing"
    with pytest.raises(DatabaseUnavailable) as caught:
        Note().dispatch()
    assert "127.0.0.1:1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_database_without_the_schema(own: dispatching.OwnConnection, empty_dsn: str) -> None:
    own.close()
    own.dsn = empty_dsn
    with pytest.raises(DispatchError, match="this database has no schema qsup"):
        Note().dispatch()


def test_a_user_who_may_not_dispatch_is_told_which_right_it_lacks(dsn: str, db: Connection[Any]) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
    db.execute(f"CREATE ROLE nobody_{name} LOGIN".encode())
    with (
        Connection.connect(dsn, user=f"nobody_{name}", autocommit=True) as conn,
        pytest.raises(DispatchError, match=r"(?s)may not dispatch: permission denied.*GRANT qsup_dispatcher"),
    ):
        Note().dispatch(conn)
    db.execute(f"DROP ROLE nobody_{name}".encode())
