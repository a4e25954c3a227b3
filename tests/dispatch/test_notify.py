"""NOTIFY only if somebody waits: it takes a global lock at commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import Connection

import qsup
from qsup import store
from tests.dispatch.jobs import Note

Heard = Callable[[], list[str]]


@pytest.fixture
def heard(dsn: str, db: Connection[Any]) -> Iterator[Heard]:
    """`heard()`: the payloads on the channel since the last time. A marker ends the wait, so silence takes no time."""
    with Connection.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN qsup")

        def look() -> list[str]:
            db.execute("SELECT pg_notify('qsup', 'marker')")
            found: list[str] = []
            for note in listener.notifies(timeout=10):
                if note.payload == "marker":
                    return found
                found.append(note.payload)
            pytest.fail("the marker never came")

        yield look


def test_nobody_is_notified_when_nobody_waits(db: Connection[Any], heard: Heard) -> None:
    Note().dispatch()
    qsup.dispatch_many([Note()])
    store.wait_for(db, "us", ["other"])
    Note().dispatch()
    assert heard() == []


def test_who_waits_is_notified_with_the_name_of_the_queue(db: Connection[Any], heard: Heard) -> None:
    store.wait_for(db, "us", ["notes", "other"])
    Note().dispatch()
    assert heard() == ["notes"]
    Note().dispatch(queue="other")
    assert heard() == ["other"]
    qsup.dispatch_many([Note(), Note()])
    assert heard() == ["notes"], "once for all of them"
    store.stop_waiting(db, "us", ["notes"])
    Note().dispatch()
    assert heard() == []


def test_what_is_not_ready_yet_or_not_new_wakes_nobody(db: Connection[Any], heard: Heard) -> None:
    store.wait_for(db, "us", ["notes"])
    Note().dispatch(delay=60)
    qsup.dispatch_many([Note()], delay=60)
    Note().dispatch(unique="k", delay=60)
    Note().dispatch(unique="k")
    assert heard() == []


def test_nobody_is_notified_before_the_transaction_commits(dsn: str, db: Connection[Any], heard: Heard) -> None:
    store.wait_for(db, "us", ["notes"])
    with Connection.connect(dsn) as conn:
        Note().dispatch(conn)
        assert heard() == []
        conn.commit()
        assert heard() == ["notes"]
        Note().dispatch(conn)
        conn.rollback()
    assert heard() == []


def test_asking_twice_is_asking_once(db: Connection[Any], heard: Heard) -> None:
    store.wait_for(db, "us", ["notes"])
    store.wait_for(db, "us", ["notes"])
    store.wait_for(db, "they", ["notes"])
    Note().dispatch()
    assert heard() == ["notes"]
