"""A small declared world and rows in it, for the tests of the statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, sql

from qsup import declare, store
from qsup.routing import Route, Routing
from qsup.rows import Claimed, Key, Want
from tests.courier.rig import a_queue

US = "us"
"""The supervisor id of the tests."""


def a_file(queues: Mapping[str, int], jobs: Mapping[str, str], **settings: Any) -> Routing:
    """A queues.yaml with these queues (workers) and job classes (queue)."""
    return Routing(
        queues={name: a_queue(name, workers=workers, **settings) for name, workers in queues.items()},
        routes={job: Route(job=job, queue=queue, handler="jobs:run") for job, queue in jobs.items()},
        payload_limit=1000,
        database=None,
        code=(),
    )


def declare_world(db: Connection[Any], **queues: int) -> None:
    """Declare queues, `a` with one worker and the job class Note on the first of them."""
    names = queues or {"a": 1}
    declare.apply(db, a_file(names, {"Note": next(iter(names))}), US)


def put(db: Connection[Any], count: int = 1, *, queue: str = "a", delay: float | None = None) -> list[int]:
    """Dispatch so many Notes; returns their ids."""
    row = db.execute(
        "SELECT qsup.dispatch_many(array_fill('Note'::text, ARRAY[%(n)s::int]), array_fill('{}'::jsonb,"
        " ARRAY[%(n)s::int]), queue => %(queue)s,"
        " delay => make_interval(secs => %(delay)s::float8))",
        {"n": count, "queue": queue, "delay": delay},
    ).fetchone()
    assert row is not None
    return list(row[0])


def want(count: int = 1, queue: str = "a", after: int = 0) -> Want:
    """A wish for so many jobs, each for a slot of its own."""
    return Want(queue, tuple(f"{queue}:{number}" for number in range(count)), after, timeout=60.0, slack=30.0)


def claim(db: Connection[Any], count: int = 1, queue: str = "a", supervisor: str = US) -> list[Claimed]:
    """Claim up to so many jobs."""
    return store.claim_and_record(db, supervisor, [], [want(count, queue)], {})[1]


def job(db: Connection[Any], number: int) -> dict[str, Any] | None:
    """The row of a job, None when it is gone."""
    row = db.execute("SELECT to_jsonb(j) FROM qsup.jobs AS j WHERE id = %s", (number,)).fetchone()
    return None if row is None else dict(row[0])


def states(db: Connection[Any]) -> dict[int, str]:
    """Every job's state."""
    return dict(db.execute("SELECT id, state FROM qsup.jobs ORDER BY id").fetchall())


def events(db: Connection[Any], number: int) -> list[tuple[str, str]]:
    """A job's events: kind and detail."""
    return db.execute("SELECT kind, detail FROM qsup.job_events WHERE job_id = %s ORDER BY id", (number,)).fetchall()


def one(db: Connection[Any], query: str, *values: Any) -> Any:
    """The only value of a query."""
    row = db.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


@contextmanager
def locked(dsn: str, *ids: int) -> Iterator[None]:
    """Another transaction holds these rows, as a dying worker's would."""
    with Connection.connect(dsn) as other:
        other.execute("SELECT 1 FROM qsup.jobs WHERE id = ANY (%s) FOR UPDATE", (list(ids),))
        yield
        other.rollback()


def late(key: Key) -> Key:
    """The same job under the claim before."""
    return key[0], key[1] - 1


def table(name: str) -> sql.Identifier:
    """A table of the schema, for composed statements."""
    return sql.Identifier("qsup", name)
