"""The history and the events: partitions made and dropped, rows of every queue kept exactly as long as it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from qsup import declare, sql, store
from tests.schema.rows import US, a_file, claim, one, put

DAY = 86400.0


@pytest.fixture(autouse=True)
def _world(db: Connection[Any]) -> None:
    short, long = a_file({"a": 1}, {"Note": "a"}, keep=DAY), a_file({"b": 1, "c": 1}, {}, keep=7 * DAY)
    queues = {**short.queues, **long.queues, **a_file({"d": 1}, {}).queues}
    declare.apply(db, type(short)(queues=queues, routes=short.routes, payload_limit=1000, database=None, code=()), US)


def finished(db: Connection[Any], number: int, queue: str, days_ago: float) -> None:
    """A job that ended so long ago."""
    db.execute(
        "INSERT INTO qsup.history (id, queue, type, payload, attempts, crashes, created_at, finished_at)"
        " VALUES (%s, %s, 'Note', '{}', 1, 0, now(), now() - %s)",
        (number, queue, timedelta(days=days_ago)),
    )


def part(days_ago: int) -> str:
    return f"history_{datetime.now(UTC) - timedelta(days=days_ago):%Y%m%d}"


def parts(db: Connection[Any]) -> set[str]:
    rows = db.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'qsup.history'::regclass")
    return {str(row[0]).removeprefix("qsup.") for row in rows.fetchall()}


def make_part(db: Connection[Any], days_ago: int) -> str:
    """The partition of a day in the past, as it was made on the day before."""
    name, day = part(days_ago), datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    low, high = day - timedelta(days=days_ago), day - timedelta(days=days_ago - 1)
    db.execute(f"CREATE TABLE qsup.{name} PARTITION OF qsup.history FOR VALUES FROM ('{low}') TO ('{high}')".encode())
    return name


def ids(db: Connection[Any]) -> set[int]:
    return {row[0] for row in db.execute("SELECT id FROM qsup.history").fetchall()}


def test_todays_and_tomorrows_partition_are_made_once(db: Connection[Any]) -> None:
    store.prune(db)
    store.prune(db)
    assert parts(db) == {"history_default", part(0), part(-1)}
    put(db)
    store.archive(db, [claim(db)[0].key])
    assert one(db, "SELECT relname FROM qsup.history AS h JOIN pg_class AS c ON c.oid = h.tableoid") == part(0)


def test_a_day_that_nobody_prepared_stays_in_the_default_partition(db: Connection[Any]) -> None:
    finished(db, 1, "a", 0)
    store.prune(db)
    assert parts(db) == {"history_default", part(-1)}
    assert ids(db) == {1}


def test_partitions_older_than_the_longest_keep_are_dropped_whoever_keeps_house(db: Connection[Any]) -> None:
    kept, gone = make_part(db, 6), make_part(db, 12)
    finished(db, 1, "b", 6)
    finished(db, 2, "b", 12)
    store.prune(db)
    assert kept in parts(db)
    assert gone not in parts(db)
    assert ids(db) == {1}


def test_a_transaction_that_holds_the_history_holds_nobody_up(dsn: str, db: Connection[Any]) -> None:
    gone = make_part(db, 12)
    with Connection.connect(dsn) as handler:
        handler.execute("SELECT count(*) FROM qsup.history")
        db.execute("SET statement_timeout = '10s'")
        store.prune(db)
        assert gone in parts(db), "left for the next time"
        handler.rollback()
    store.prune(db)
    assert gone not in parts(db)


def test_each_queue_keeps_its_finished_jobs_as_long_as_it_says(db: Connection[Any]) -> None:
    for number, (queue, days) in enumerate([("a", 0.5), ("a", 1.5), ("b", 1.5), ("b", 7.5), ("gone", 1.5), ("d", 1.5)]):
        finished(db, number, queue, days)
    store.prune(db)
    assert ids(db) == {0, 2}, "and what no queue keeps any more is gone"


def test_a_prune_says_whether_there_may_be_more(db: Connection[Any]) -> None:
    db.execute(
        "INSERT INTO qsup.history (id, queue, type, payload, attempts, crashes, created_at, finished_at)"
        " SELECT n, 'a', 'Note', '{}', 1, 0, now(), now() - interval '3 days' FROM generate_series(1, 1500) AS n"
    )
    assert [store.prune(db) for _ in range(3)] == [True, False, False]
    assert ids(db) == set()


def test_a_prune_looks_only_into_partitions_where_something_may_be_over(db: Connection[Any]) -> None:
    for days in (0, 1, 5):
        make_part(db, days)
    plan = db.execute(b"EXPLAIN (ANALYZE, COSTS OFF) " + sql.text("prune_history")).fetchall()
    looked = [line for (line,) in plan if "Scan on history_" in line and " o_" in line and "never executed" not in line]
    assert any(part(5) in line for line in looked), looked
    assert not any(part(0) in line for line in looked), looked


def test_events_of_a_month_ago_go_when_their_job_is_gone(db: Connection[Any]) -> None:
    waiting = put(db)[0]
    db.execute(
        "INSERT INTO qsup.job_events (job_id, kind, at) VALUES (%(w)s, 'retry', now() - interval '31 days'),"
        " (-1, 'retry', now() - interval '31 days'), (-2, 'retry', now() - interval '29 days'),"
        " (-3, 'tries', now() - interval '31 days')",
        {"w": waiting},
    )
    db.execute(
        "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, created_at)"
        " VALUES (-3, 'a', 'Note', '{}', 1, 0, 'tries', now())"
    )
    store.prune(db)
    assert {row[0] for row in db.execute("SELECT job_id FROM qsup.job_events").fetchall()} == {waiting, -2, -3}
