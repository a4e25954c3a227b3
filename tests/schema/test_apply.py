"""Applying a file: what it adds, changes, retires and forgets, beside others who declare and dispatch."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from qsup import declare, store
from qsup.declare import Applied
from tests.conftest import Eventually
from tests.schema.rows import US, a_file, claim, job, one, put

QUEUES = "SELECT name, workers, retired_at IS NOT NULL FROM qsup.queues ORDER BY name"
TYPES = "SELECT name, queue, retired_at IS NOT NULL FROM qsup.job_types ORDER BY name"


def declared(db: Connection[Any]) -> tuple[list[Any], list[Any]]:
    return db.execute(QUEUES.encode()).fetchall(), db.execute(TYPES.encode()).fetchall()


def test_what_a_file_declares_is_added_and_changed(db: Connection[Any]) -> None:
    assert declare.apply(db, a_file({"a": 1}, {"Note": "a"}), US) == Applied((), ())
    assert declared(db) == ([("a", 1, False)], [("Note", "a", False)])
    declare.apply(db, a_file({"a": 3, "b": 0}, {"Note": "b", "Ping": "a"}, keep=60.0), US)
    assert declared(db) == ([("a", 3, False), ("b", 0, False)], [("Note", "b", False), ("Ping", "a", False)])
    assert one(db, "SELECT keep FROM qsup.queues WHERE name = 'a'") == 60


def test_applying_the_same_file_again_writes_nothing(db: Connection[Any]) -> None:
    routing = a_file({"a": 1}, {"Note": "a"})
    declare.apply(db, routing, US)
    before = db.execute("SELECT xmin::text, ctid::text FROM qsup.queues").fetchall()
    before += db.execute("SELECT xmin::text, ctid::text FROM qsup.job_types").fetchall()
    declare.apply(db, routing, US)
    after = db.execute("SELECT xmin::text, ctid::text FROM qsup.queues").fetchall()
    after += db.execute("SELECT xmin::text, ctid::text FROM qsup.job_types").fetchall()
    assert after == before


def test_a_queue_served_by_anothers_workers_counts_as_heard(db: Connection[Any]) -> None:
    routing = a_file({"a": 2, "low": 0}, {"Note": "low"})
    low = {name: getattr(routing.queues["low"], name) for name in routing.queues["low"].__slots__}
    queues = {**routing.queues, "low": type(routing.queues["a"])(**(low | {"workers_of": "a"}))}
    declare.apply(
        db, type(routing)(queues=queues, routes=routing.routes, payload_limit=1000, database=None, code=()), US
    )
    assert ("low", 2, False) in declared(db)[0]


def test_what_leaves_the_file_without_rows_is_forgotten(db: Connection[Any]) -> None:
    declare.apply(db, a_file({"a": 1, "b": 1}, {"Note": "a", "Ping": "b"}), US)
    assert declare.apply(db, a_file({"a": 1}, {"Note": "a"}), US) == Applied(("b",), ("Ping",))
    assert declared(db) == ([("a", 1, False)], [("Note", "a", False)])


def test_what_leaves_the_file_with_rows_is_retired_served_and_then_forgotten(db: Connection[Any]) -> None:
    declare.apply(db, a_file({"a": 1, "b": 1}, {"Note": "a"}), US)
    number = put(db, queue="a")[0]
    declare.apply(db, a_file({"b": 1}, {}), US)
    assert declared(db) == ([("a", 0, True), ("b", 1, False)], [("Note", "a", True)])
    with pytest.raises(psycopg.Error) as refused:
        put(db, queue="b")
    assert refused.value.diag.sqlstate in ("QS001", "QS003")
    key = claim(db)[0].key
    assert key[0] == number, "its rows are still served"
    store.claim_and_record(db, US, [key], [], {})
    declare.forget(db)
    assert declared(db) == ([("b", 1, False)], [])


def test_a_retired_queue_is_kept_as_long_as_its_history(db: Connection[Any]) -> None:
    declare.apply(db, a_file({"a": 1}, {"Note": "a"}, keep=3600.0), US)
    declare.apply(db, a_file({"b": 1}, {}), US)
    assert ("a", 0, True) in declared(db)[0]
    db.execute("UPDATE qsup.queues SET retired_at = now() - interval '2 hours' WHERE name = 'a'")
    declare.forget(db)
    assert declared(db)[0] == [("b", 1, False)]


def test_a_file_that_declares_it_again_brings_it_back(db: Connection[Any]) -> None:
    first = a_file({"a": 2}, {"Note": "a"})
    declare.apply(db, first, US)
    put(db)
    declare.apply(db, a_file({"b": 1}, {}), US)
    declare.apply(db, first, US)
    assert declared(db) == ([("a", 2, False)], [("Note", "a", False)])
    assert put(db)


def beat(db: Connection[Any], supervisor: str, routing: Any) -> None:
    store.beat(db, supervisor, host="h", pid=1, code="1", config_file="f", generation=1, listens=[],
               declares=declare.declares(routing))  # fmt: skip


def test_what_another_live_supervisor_declares_is_kept(db: Connection[Any]) -> None:
    theirs, ours = a_file({"b": 1}, {"Ping": "b"}), a_file({"a": 1}, {"Note": "a"})
    declare.apply(db, theirs, "they")
    beat(db, "they", theirs)
    assert declare.apply(db, ours, US) == Applied((), ())
    assert declared(db) == ([("a", 1, False), ("b", 1, False)], [("Note", "a", False), ("Ping", "b", False)])
    db.execute("UPDATE qsup.supervisors SET beat_at = now() - interval '61 s'")
    assert declare.apply(db, ours, US) == Applied(("b",), ("Ping",)), "it has been silent for a minute"


def test_what_only_we_ourselves_declared_before_does_not_keep_it(db: Connection[Any]) -> None:
    before = a_file({"a": 1, "b": 1}, {"Note": "a"})
    declare.apply(db, before, US)
    beat(db, US, before)
    assert declare.apply(db, a_file({"a": 1}, {"Note": "a"}), US).retired_queues == ("b",)


def test_a_dispatch_that_comes_before_a_removal_wins(dsn: str, db: Connection[Any], eventually: Eventually) -> None:
    declare.apply(db, a_file({"a": 1}, {"Note": "a"}), US)
    with Connection.connect(dsn) as dispatcher, Connection.connect(dsn, autocommit=True) as applier:
        number = put(dispatcher)[0]
        thread = threading.Thread(target=declare.apply, args=(applier, a_file({"b": 1}, {}), US))
        thread.start()
        eventually(lambda: waits(db, applier) or not thread.is_alive(), what="the removal waits for the dispatch")
        dispatcher.commit()
        thread.join()
    assert job(db, number) is not None
    assert declared(db) == ([("a", 0, True), ("b", 1, False)], [("Note", "a", True)])
    assert claim(db)[0].id == number


def test_a_dispatch_that_comes_after_a_removal_fails_cleanly(
    dsn: str, db: Connection[Any], eventually: Eventually
) -> None:
    declare.apply(db, a_file({"a": 1}, {"Note": "a"}), US)
    caught: list[psycopg.Error] = []

    def dispatch(conn: Connection[Any]) -> None:
        try:
            put(conn)
        except psycopg.Error as error:
            caught.append(error)

    with Connection.connect(dsn) as remover, Connection.connect(dsn, autocommit=True) as dispatcher:
        remover.execute("DELETE FROM qsup.job_types")
        thread = threading.Thread(target=dispatch, args=(dispatcher,))
        thread.start()
        eventually(lambda: waits(db, dispatcher), what="the dispatch waits for the removal")
        remover.commit()
        thread.join()
    assert [type(error) for error in caught] == [psycopg.errors.ForeignKeyViolation]
    assert one(db, "SELECT count(*) FROM qsup.jobs") == 0


def waits(db: Connection[Any], other: Connection[Any]) -> bool:
    """Whether another connection waits for a lock."""
    return bool(one(db, "SELECT cardinality(pg_blocking_pids(%s))", other.info.backend_pid))
