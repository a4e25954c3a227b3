"""`unique`: one job per class and key while it waits or runs, whoever dispatches it at the same time."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import Connection, IsolationLevel

from qsup import store
from tests.conftest import Eventually
from tests.dispatch.conftest import Rows
from tests.dispatch.jobs import Note
from tests.schema.rows import claim, one


def test_the_same_id_while_it_waits_is_scheduled_or_runs_and_a_new_one_after(db: Connection[Any]) -> None:
    first = Note().dispatch(unique="k", delay=60)
    assert Note().dispatch(unique="k") == first, "scheduled"
    db.execute("UPDATE qsup.jobs SET available_at = now() WHERE id = %s", (first,))
    store.promote(db, "notes")
    assert Note(text="other payload").dispatch(unique="k") == first, "ready"
    key = claim(db, queue="notes")[0].key
    assert Note().dispatch(unique="k") == first, "running"
    store.claim_and_record(db, "us", [key], [], {})
    second = Note().dispatch(unique="k")
    assert second != first
    assert Note().dispatch(unique="other") not in (first, second)


def test_a_key_belongs_to_its_job_class(db: Connection[Any]) -> None:
    first = Note().dispatch(unique="k")
    db.execute("INSERT INTO qsup.job_types (name, queue, payload_limit) VALUES ('Ping', 'notes', 100)")
    assert one(db, "SELECT id FROM qsup.dispatch('Ping', '{}', unique_key => 'k')") != first


def test_the_answer_says_whether_it_was_created(db: Connection[Any]) -> None:
    query = "SELECT created FROM qsup.dispatch('Note', '{}', unique_key => 'k')"
    assert [one(db, query), one(db, query)] == [True, False]


def test_twenty_at_once_store_one(dsn: str, stored: Rows) -> None:
    found: list[int] = []
    start = threading.Barrier(20)

    def go() -> None:
        with Connection.connect(dsn) as conn:
            start.wait()
            found.append(Note().dispatch(conn, unique="k"))

    threads = [threading.Thread(target=go) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[0] for row in stored()] == [found[0]]
    assert found == [found[0]] * 20


def test_twenty_threads_share_the_processes_own_connection(stored: Rows) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(Note().dispatch())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [row[0] for row in stored()]


def test_a_key_whose_job_ends_at_this_moment_is_stored_anew(
    dsn: str, db: Connection[Any], eventually: Eventually
) -> None:
    first = Note().dispatch(unique="k")
    found: list[int] = []
    with Connection.connect(dsn) as ending, Connection.connect(dsn, autocommit=True) as other:
        ending.execute("DELETE FROM qsup.jobs WHERE id = %s", (first,))
        thread = threading.Thread(target=lambda: found.append(Note().dispatch(other, unique="k")))
        thread.start()
        pid = other.info.backend_pid
        eventually(lambda: one(db, "SELECT cardinality(pg_blocking_pids(%s))", pid), what="it waits for the end")
        ending.commit()
        thread.join()
    assert found
    assert found != [first]


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_under_a_fixed_snapshot_it_never_turns_in_circles(dsn: str, db: Connection[Any], level: IsolationLevel) -> None:
    with Connection.connect(dsn) as conn:
        conn.isolation_level = level
        conn.execute("SET LOCAL statement_timeout = '5s'")
        conn.execute("SELECT count(*) FROM qsup.jobs")
        unseen = Note().dispatch(unique="k")
        with pytest.raises(psycopg.errors.SerializationFailure):
            Note().dispatch(conn, unique="k")
        conn.rollback()
        assert Note().dispatch(conn, unique="k") == unseen, "tried again, as after every such failure"
        db.execute("DELETE FROM qsup.jobs WHERE id = %s", (unseen,))
        conn.execute("SET LOCAL statement_timeout = '5s'")
        try:
            assert Note().dispatch(conn, unique="k") != 0
        except psycopg.errors.SerializationFailure:
            conn.rollback()


def test_a_key_that_is_no_key_is_refused(stored: Rows) -> None:
    from qsup.errors import DispatchError

    for key in ("", "x" * 501):
        with pytest.raises(DispatchError, match=f"the unique key has {len(key)} characters, expected 1 to 500"):
            Note().dispatch(unique=key)
    assert stored() == []
