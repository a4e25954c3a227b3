"""Dispatching from Python: what is stored, when, and as part of whose transaction."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.rows import dict_row

import qsup
from qsup import store
from qsup.errors import DispatchError
from tests.dispatch.conftest import Rows
from tests.dispatch.jobs import Note
from tests.schema.rows import one


def test_the_id_is_returned_and_the_row_is_what_was_said(stored: Rows) -> None:
    number = Note(text="hällo", number=1.5).dispatch()
    assert stored() == [(number, "Note", "notes", "ready", {"text": "hällo", "number": 1.5})]


def test_the_function_is_the_same_as_the_method(stored: Rows) -> None:
    number = qsup.dispatch(Note(text="x"), queue="other")
    assert [row[:3] for row in stored()] == [(number, "Note", "other")]


def test_it_joins_the_callers_transaction(dsn: str, stored: Rows) -> None:
    with Connection.connect(dsn) as conn:
        Note().dispatch(conn)
        qsup.dispatch_many([Note(), Note()], conn)
        assert stored() == []
        conn.rollback()
        assert stored() == []
        kept = Note().dispatch(conn)
        conn.commit()
    assert [row[0] for row in stored()] == [kept]


def test_it_joins_an_async_transaction(dsn: str, stored: Rows) -> None:
    async def go() -> list[int]:
        async with await AsyncConnection.connect(dsn) as conn:
            await Note().dispatch(conn)
            await qsup.dispatch_many([Note()], conn)
            await conn.rollback()
            first = await Note(text="kept").dispatch(conn, unique="k")
            return [first, *await qsup.dispatch_many([Note(), Note()], conn)]

    numbers = asyncio.run(go())
    assert [row[0] for row in stored()] == numbers


def test_a_callers_connection_may_make_dictionaries_of_its_rows(dsn: str, stored: Rows) -> None:
    async def go() -> list[int]:
        async with await AsyncConnection.connect(dsn, row_factory=dict_row) as conn:
            return [await Note().dispatch(conn), *await qsup.dispatch_many([Note()], conn)]

    with Connection.connect(dsn, row_factory=dict_row) as conn:
        numbers = [Note().dispatch(conn), *qsup.dispatch_many([Note()], conn)]
    numbers += asyncio.run(go())
    assert [row[0] for row in stored()] == numbers


def test_a_client_cursor_without_server_side_parameters_works_too(dsn: str, stored: Rows) -> None:
    with Connection.connect(dsn, cursor_factory=psycopg.ClientCursor) as conn:
        numbers = [Note(text="it's 100 %s").dispatch(conn), *qsup.dispatch_many([Note()], conn, delay=5)]
    assert [row[0] for row in stored()] == numbers
    assert stored()[0][4]["text"] == "it's 100 %s"


@pytest.mark.parametrize("delay", [90, timedelta(seconds=90)])
def test_a_delay_schedules_it(db: Connection[Any], delay: Any) -> None:
    number = Note().dispatch(delay=delay)
    assert one(db, "SELECT state FROM qsup.jobs WHERE id = %s", number) == "scheduled"
    assert 80 < store.next_due(db, ["notes"])["notes"] <= 90


@pytest.mark.parametrize("delay", [0, -5, timedelta()])
def test_no_delay_is_at_once(stored: Rows, delay: Any) -> None:
    Note().dispatch(delay=delay)
    assert [row[3] for row in stored()] == ["ready"]


def test_a_moment_schedules_it_and_one_that_is_over_is_at_once(db: Connection[Any], stored: Rows) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)
    Note().dispatch(at=moment)
    Note().dispatch(at=moment - timedelta(hours=2))
    assert [row[3] for row in stored()] == ["scheduled", "ready"]
    assert one(db, "SELECT max(available_at) FROM qsup.jobs") == moment


def test_a_moment_without_a_time_zone_is_refused(stored: Rows) -> None:
    with pytest.raises(DispatchError, match="at=2030-01-01T00:00:00 has no time zone"):
        Note().dispatch(at=datetime(2030, 1, 1))  # noqa: DTZ001  the mistake under test
    assert stored() == []


def test_many_are_stored_in_their_order(db: Connection[Any], stored: Rows) -> None:
    numbers = qsup.dispatch_many([Note(text=str(number)) for number in range(500)], queue="other")
    assert numbers == sorted(numbers)
    assert [(row[0], row[4]["text"]) for row in stored()] == [(id_, str(n)) for n, id_ in enumerate(numbers)]
    in_line = db.execute("SELECT id FROM qsup.jobs WHERE queue = 'other' ORDER BY seq").fetchall()
    assert [row[0] for row in in_line] == numbers
    assert qsup.dispatch_many([]) == []


def test_many_with_every_kind_of_letter_arrive_as_they_are(stored: Rows) -> None:
    texts = ['a "quoted" one', "back\\slash \\\\", "{braces},commas", "line\nend", "it's", "NULL", "", "ü😀"]
    qsup.dispatch_many([Note(text=text) for text in texts])
    assert [row[4]["text"] for row in stored()] == texts


def listens(db: Connection[Any], *queues: str) -> None:
    store.beat(db, "they", host="h", pid=1, code="1", config_file="f", generation=1, listens=list(queues), declares={})


def test_a_warning_says_that_nobody_listens_and_none_that_somebody_does(
    db: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "qsup.dispatch"):
        listens(db, "other")
        number = Note().dispatch()
        assert caplog.messages == [
            f"job {number}: nobody listens to notes at the moment: the job waits until a worker starts"
        ]
        caplog.clear()
        listens(db, "other", "notes")
        Note().dispatch()
        assert caplog.messages == []
        db.execute("UPDATE qsup.supervisors SET beat_at = now() - interval '31 s'")
        Note().dispatch()
        assert len(caplog.messages) == 1, "a heartbeat of half a minute ago is nobody's"
