"""Payloads and options of every kind, by Python, SQL and the command line: stored as they are, or refused as ours."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

import qsup
from qsup import declare
from qsup.errors import DispatchError, InvalidPayload, PayloadTooLarge, QsupError, UnknownJob
from tests.schema.rows import a_file

TRIES = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
LIMIT = 1000
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=15,
)


class Thing(qsup.Job):
    """Takes anything."""

    value: Any = None


@pytest.fixture
def conn(db: Connection[Any]) -> Connection[Any]:
    """A database that knows Thing, with a small limit on payloads (see a_file)."""
    declare.apply(db, a_file({"things": 1}, {"Thing": "things"}), "us")
    db.execute("UPDATE qsup.job_types SET payload_limit = %s", (LIMIT,))
    return db


def rows(conn: Connection[Any]) -> list[tuple[Any, ...]]:
    """What is stored, and then no more."""
    return conn.execute("DELETE FROM qsup.jobs RETURNING id, payload::text").fetchall()


@TRIES
@given(value=VALUES, unique=st.one_of(st.none(), TEXT), delay=st.one_of(st.none(), st.floats(), st.timedeltas()))
def test_a_payload_is_stored_as_it_is_or_refused_as_ours(
    conn: Connection[Any], value: object, unique: str | None, delay: float | timedelta | None
) -> None:
    try:
        number = Thing(value=value).dispatch(conn, unique=unique, delay=delay)
    except DispatchError:
        assert rows(conn) == []
        return
    [(stored, payload)] = rows(conn)
    assert stored == number
    assert same(json.loads(payload)["value"], json.loads(Thing(value=value).model_dump_json())["value"])


def same(found: object, sent: object) -> bool:
    """Equal, but for the last digits of a float and the zeros at its end, which jsonb writes otherwise."""
    match found, sent:
        case dict(), dict():
            return found.keys() == sent.keys() and all(same(found[key], sent[key]) for key in found)
        case list(), list():
            return len(found) == len(sent) and all(map(same, found, sent))
        case ((int() | float()), (int() | float())):
            return math.isclose(found, sent)
        case _:
            return found == sent


@TRIES
@given(text=st.one_of(VALUES.map(json.dumps), TEXT, st.just("{}").map(lambda text: text + " x")))
def test_a_text_that_sql_is_given_is_stored_or_refused_and_never_half(conn: Connection[Any], text: str) -> None:
    try:
        conn.execute("SELECT * FROM qsup.dispatch('Thing', %s::jsonb)", (text,))
    except (psycopg.DataError, psycopg.InternalError, psycopg.Error, UnicodeEncodeError):
        assert rows(conn) == []
        return
    [(_, payload)] = rows(conn)
    assert isinstance(json.loads(payload), dict)
    assert len(payload.encode()) <= LIMIT


@TRIES
@given(values=st.lists(VALUES, max_size=4))
def test_of_many_all_are_stored_or_none(conn: Connection[Any], values: list[object]) -> None:
    try:
        ids = qsup.dispatch_many([Thing(value=value) for value in values], conn)
    except DispatchError:
        assert rows(conn) == []
        return
    assert sorted(number for number, _ in rows(conn)) == sorted(ids)


def nested(depth: int, inside: str = "1") -> str:
    return '{"value":' * depth + inside + "}" * depth


BAD = {
    "nested 20,000 deep": (nested(20_000), InvalidPayload, "PostgreSQL cannot store the payload: stack depth limit"),
    "a number of 131,073 digits": ('{"value": 1e131072}', InvalidPayload, "cannot store the payload"),
    "NUL": ('{"value": "a\\u0000b"}', InvalidPayload, "cannot store the payload: \\u0000 cannot be"),
    "half a surrogate": ('{"value": "\\ud800"}', InvalidPayload, "cannot store the payload"),
    "NaN": ('{"value": NaN}', InvalidPayload, "cannot store the payload"),
    "a list": ("[]", InvalidPayload, "the payload of Thing is not a JSON object"),
    "null": ("null", InvalidPayload, "the payload of Thing is not a JSON object"),
    "too much": (json.dumps({"value": "x" * LIMIT}), PayloadTooLarge, f"the limit is {LIMIT}"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_the_database_refuses_is_ours(case: str, conn: Connection[Any]) -> None:
    from qsup import dispatching

    text, kind, said = BAD[case]
    for send in (
        lambda: dispatching.dispatch_one(conn, "Thing", text, unique=None),
        lambda: dispatching.dispatch_raw(conn, "Thing", ["{}", text]),
    ):
        with pytest.raises(QsupError) as caught:
            send()
        assert type(caught.value) is kind
        assert said in caught.value.message or "payload 2 of 2 (Thing)" in caught.value.message
        assert rows(conn) == []


@pytest.mark.parametrize("delay", [1e308, -1e308, float("nan"), float("inf"), timedelta.max, timedelta.min])
def test_a_delay_that_is_none_is_refused(delay: float | timedelta, conn: Connection[Any]) -> None:
    with pytest.raises(DispatchError) as caught:
        Thing().dispatch(conn, delay=delay)
    assert type(caught.value) is DispatchError
    assert rows(conn) == []


def test_a_delay_that_is_over_is_none(conn: Connection[Any]) -> None:
    Thing().dispatch(conn, delay=-5.0)
    assert conn.execute("SELECT state FROM qsup.jobs").fetchall() == [("ready",)]


@pytest.mark.parametrize(("length", "letter"), [(1, "k"), (500, "k"), (500, "\U0001f600")])
def test_a_unique_key_of_1_to_500_characters_is_one(length: int, letter: str, conn: Connection[Any]) -> None:
    first = Thing().dispatch(conn, unique=letter * length)
    assert Thing().dispatch(conn, unique=letter * length) == first


@pytest.mark.parametrize("key", ["", "k" * 501, "k" * 1_000_000, "a\0b", "\ud800"])
def test_any_other_is_refused(key: str, conn: Connection[Any]) -> None:
    with pytest.raises(DispatchError) as caught:
        Thing().dispatch(conn, unique=key)
    assert type(caught.value) is DispatchError
    assert len(str(caught.value)) < 1000
    assert rows(conn) == []


@pytest.mark.parametrize("name", ["J" * 100_000, "é" * 50_000, "", "Thing ", "thing", "Thing'; DROP SCHEMA qsup; --"])
def test_a_name_of_a_job_that_is_none_is_refused_soon_and_briefly(name: str, conn: Connection[Any]) -> None:
    from qsup import dispatching

    conn.execute("SET statement_timeout = '2s'")
    with pytest.raises(UnknownJob) as caught:
        dispatching.dispatch_one(conn, name, "{}", unique=None)
    assert len(str(caught.value)) < 1000
    with pytest.raises(UnknownJob):
        dispatching.dispatch_raw(conn, name, ["{}"])
    with pytest.raises(QsupError) as caught_queue:
        dispatching.dispatch_one(conn, "Thing", "{}", unique=None, queue=name)
    assert len(str(caught_queue.value)) < 1000


def test_a_key_given_twice_counts_with_its_last_value_as_everywhere_in_json(conn: Connection[Any]) -> None:
    conn.execute("""SELECT qsup.dispatch('Thing', '{"value": 1, "value": 2}')""")
    assert rows(conn)[0][1] == '{"value": 2}'


def test_names_with_quotes_are_names(conn: Connection[Any]) -> None:
    tricky = {"a'b": 1, 'a"b': 2, "a\\b": 3, "$$": 4, "%s": 5, "{}": 6, "\n": 7}
    Thing(value=tricky).dispatch(conn)
    assert json.loads(rows(conn)[0][1])["value"] == tricky
