"""Claiming: each job once, in order, fenced; and what a row can never be."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from qsup import store
from qsup.rows import Claimed
from tests.conftest import Eventually
from tests.schema.rows import US, claim, declare_world, job, one, put, states, want


@pytest.fixture(autouse=True)
def _world(db: Connection[Any]) -> None:
    declare_world(db, a=1, b=1)


def all_claimed(dsn: str, connections: int, batch: int) -> list[int]:
    """What so many connections claim at once, until nothing is left."""
    claimed: list[int] = []
    start = threading.Barrier(connections)

    def take(number: int) -> None:
        with Connection.connect(dsn, autocommit=True) as conn:
            conn.execute("SET synchronous_commit = off")
            start.wait()
            while jobs := claim(conn, batch, supervisor=f"s{number}"):
                claimed.extend(each.id for each in jobs)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return claimed


@pytest.mark.parametrize("connections", [2, 8])
def test_connections_that_claim_at_once_get_each_job_once(dsn: str, db: Connection[Any], connections: int) -> None:
    ids = put(db, 400)
    claimed = all_claimed(dsn, connections, batch=3)
    assert sorted(claimed) == ids
    assert (
        one(db, "SELECT count(*) FROM qsup.jobs WHERE state = 'running' AND claim_number = 1 AND attempts = 1") == 400
    )


def test_jobs_are_claimed_in_the_order_in_which_they_became_ready(db: Connection[Any]) -> None:
    ids = put(db, 5)
    first, second = claim(db, 2)
    assert [first.id, second.id] == ids[:2]
    assert (first.slot, second.slot) == ("a:0", "a:1")
    store.release(db, [(first.key, "test")])
    assert [each.id for each in claim(db, 9)] == [*ids[2:], first.id], "a released job goes to the end"


def test_one_statement_ends_jobs_and_claims_from_several_queues(db: Connection[Any]) -> None:
    done = claim_one(db)
    in_a, in_b = put(db, 3), put(db, 2, queue="b")
    ended, claimed = store.claim_and_record(db, US, [done], [want(2, "a"), want(1, "b")], {"Note": 5.0})
    assert ended == {done[0]}
    assert {each.slot: each.id for each in claimed} == {"a:0": in_a[0], "a:1": in_a[1], "b:0": in_b[0]}
    row = job(db, in_b[0])
    assert row is not None
    assert (row["state"], row["reserved_by"]) == ("running", "us/b:0")
    lease = one(
        db, "SELECT extract(epoch FROM lease_until - reserved_at)::float8 FROM qsup.jobs WHERE id = %s", in_b[0]
    )
    assert lease == pytest.approx(35.0, abs=0.1), "the time limit of the job class, not of its queue"


def claim_one(db: Connection[Any]) -> tuple[int, int]:
    put(db)
    return claim(db)[0].key


def test_a_claim_begins_behind_the_last_one_it_took(db: Connection[Any]) -> None:
    ids = put(db, 3)
    seq = one(db, "SELECT seq FROM qsup.jobs WHERE id = %s", ids[1])
    _, claimed = store.claim_and_record(db, US, [], [want(5, "a", after=seq)], {})
    assert [each.id for each in claimed] == [ids[2]]


def test_a_claim_skips_rows_that_somebody_holds(dsn: str, db: Connection[Any]) -> None:
    ids = put(db, 3)
    with Connection.connect(dsn) as other:
        other.execute("SELECT 1 FROM qsup.jobs WHERE id = ANY (%s) FOR UPDATE", ([ids[0], ids[2]],))
        assert [each.id for each in claim(db, 3)] == [ids[1]]
        other.rollback()
    assert [each.id for each in claim(db, 3)] == [ids[0], ids[2]]


def test_claims_and_releases_in_each_others_way_never_break(dsn: str, db: Connection[Any]) -> None:
    # A row that is released between another claim's snapshot and its lock is looked at a second time by PostgreSQL.
    put(db, 12)
    errors: list[BaseException] = []
    until = time.monotonic() + 2.0

    def churn(number: int) -> None:
        try:
            with Connection.connect(dsn, autocommit=True) as conn:
                conn.execute("SET synchronous_commit = off")
                while time.monotonic() < until:
                    jobs = claim(conn, 4, supervisor=f"s{number}")
                    assert len({each.slot for each in jobs}) == len(jobs)
                    # A claim that looked at a row in vain holds it until its end, and the release skips it.
                    while held := store.lookup(conn, [each.key for each in jobs]):
                        store.release(conn, [(key, "again") for key in held])
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert set(states(db).values()) == {"ready"}
    assert one(db, "SELECT max(attempts) FROM qsup.jobs") == 0


GATES = """
CREATE SEQUENCE public.looks;
-- A look at a row waits while somebody holds the gate of its number.
CREATE FUNCTION public.gate() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(nextval('public.looks'));
    RETURN true;
END $$;
ALTER TABLE qsup.jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY gated ON qsup.jobs USING (public.gate());
"""


def test_a_row_that_changed_after_the_snapshot_is_claimed_as_it_was_picked(
    dsn: str, db: Connection[Any], eventually: Eventually
) -> None:
    # PostgreSQL looks at such a row again when it is updated. By then the row that was skipped is free: picking a
    # second time would pick that one, and leave no slot for the row in hand.
    skipped, changed = put(db, 2)
    role = f"gated_{db.info.dbname}"
    db.execute(GATES.encode())
    db.execute(f"CREATE ROLE {role}; GRANT USAGE ON SCHEMA qsup TO {role};"
               f"GRANT ALL ON ALL TABLES IN SCHEMA qsup TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA qsup TO {role};"
               f"GRANT ALL ON SEQUENCE public.looks TO {role}".encode())  # fmt: skip
    found: list[Any] = []

    def take(conn: Connection[Any]) -> None:
        try:
            found.extend(claim(conn))
        except psycopg.Error as error:
            found.append(error)

    with Connection.connect(dsn) as holder, Connection.connect(dsn, autocommit=True) as claimer:
        pid = claimer.info.backend_pid
        claimer.execute(f"SET enable_seqscan = off; SET ROLE {role}".encode())
        holder.execute("SELECT 1 FROM qsup.jobs WHERE id = %s FOR UPDATE", (skipped,))
        db.execute("SELECT pg_advisory_lock(1), pg_advisory_lock(4)")
        thread = threading.Thread(target=take, args=(claimer,))
        thread.start()
        eventually(lambda: one(db, "SELECT cardinality(pg_blocking_pids(%s))", pid), what="the claim looks at a row")
        again = claim(db)[0]
        assert again.id == changed
        store.release(db, [(again.key, "meanwhile")])
        db.execute("SELECT pg_advisory_unlock(1)")
        waits = "SELECT objid::int FROM pg_locks WHERE pid = %s AND NOT granted AND locktype = 'advisory'"
        eventually(lambda: db.execute(waits.encode(), (pid,)).fetchall() == [(4,)], what="the claim updates the row")
        holder.rollback()
        db.execute("SELECT pg_advisory_unlock(4)")
        thread.join()
        claimer.execute("RESET ROLE")
    db.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
    assert [(each.id, each.slot) if isinstance(each, Claimed) else each for each in found] == [(changed, "a:0")]


IMPOSSIBLE = {
    "running without a claim": "state = 'running'",
    "ready with a claim": "reserved_at = now(), reserved_by = 'us/a:0', lease_until = now()",
    "half a claim": "state = 'running', reserved_at = now()",
    "an unknown state": "state = 'done'",
    "an unknown step": "step = 'later'",
    "negative attempts": "attempts = -1",
    "negative crashes": "crashes = -1",
    "a payload that is no object": "payload = '[]'",
    "an empty unique key": "unique_key = ''",
    "an endless unique key": "unique_key = repeat('x', 501)",
}


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_the_table_refuses_what_cannot_be(db: Connection[Any], change: str) -> None:
    put(db)
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute(f"UPDATE qsup.jobs SET {change}".encode())  # noqa: S608  from the table above
