"""The ends of a claim: done, again, failed, released, rescued. A late one changes nothing; a held row is skipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection

from qsup import sql, store
from qsup.outcome import Again, Failed, Report
from qsup.rows import Key
from tests.schema.rows import US, claim, declare_world, events, job, late, locked, one, put, states

End = Callable[[Connection[Any], Key], object]


@pytest.fixture(autouse=True)
def _world(db: Connection[Any]) -> None:
    declare_world(db)


def fail(db: Connection[Any], key: Key, *, hook: bool = False, kind: Any = "error") -> set[int]:
    report = Report(kind=kind, reason="no", exception="ValueError", traceback="line 1")
    return store.fail(db, [(key, Failed("tries", "ValueError: no"), report, hook)])


ENDS: dict[str, End] = {
    "done": lambda db, key: store.end_done(db, [key]),
    "done with a claim": lambda db, key: store.claim_and_record(db, US, [key], [], {})[0],
    "archived": lambda db, key: store.archive(db, [key]),
    "again": lambda db, key: store.reschedule(db, [(key, Again(5.0, "retry", "no"))]),
    "failed": fail,
    "failed with a hook": lambda db, key: fail(db, key, hook=True),
    "released": lambda db, key: store.release(db, [(key, "no room")]),
}
STRANGERS: dict[str, End] = {
    "released because nobody named it": lambda db, _: store.release_unnamed(db, US, []),
    "rescued": lambda db, _: store.rescue(db, []),
}


def the_key(db: Connection[Any]) -> Key:
    put(db)
    return claim(db)[0].key


def let_the_lease_end(db: Connection[Any]) -> None:
    db.execute("UPDATE qsup.jobs SET lease_until = now() - interval '1 s' WHERE state = 'running'")


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_late_end_changes_nothing(db: Connection[Any], end: End) -> None:
    key = the_key(db)
    before = job(db, key[0])
    assert not end(db, late(key))
    assert job(db, key[0]) == before
    assert events(db, key[0]) == []
    assert one(db, "SELECT count(*) FROM qsup.failed_jobs") == one(db, "SELECT count(*) FROM qsup.history") == 0
    assert end(db, key), "with the right claim number it does"
    assert job(db, key[0]) != before


def test_a_late_commit_of_the_jobs_own_transaction_finds_no_row(db: Connection[Any]) -> None:
    number, number_of_claim = the_key(db)
    statement, values = sql.text("complete"), {"id": number, "claim": number_of_claim}
    assert db.execute(statement, values | {"claim": number_of_claim - 1}).fetchone() is None
    assert db.execute(statement, values).fetchone() == (number,)


@pytest.mark.parametrize("end", (ENDS | STRANGERS).values(), ids=ENDS | STRANGERS)
def test_a_row_that_a_dying_transaction_holds_is_skipped_and_ended_later(
    dsn: str, db: Connection[Any], end: End
) -> None:
    held, free = put(db, 2)
    keys = {each.id: each.key for each in claim(db, 2)}
    let_the_lease_end(db)
    db.execute("SET statement_timeout = '5s'")
    with locked(dsn, held):
        end(db, keys[held])
        end(db, keys[free])
        assert states(db).get(held) == "running"
        assert states(db).get(free) != "running"
    end(db, keys[held])
    assert states(db).get(held) != "running"


def test_promotion_skips_a_row_that_somebody_holds(dsn: str, db: Connection[Any]) -> None:
    held, free = put(db, 2, delay=3600)
    db.execute("UPDATE qsup.jobs SET available_at = now() - interval '1 s'")
    with locked(dsn, held):
        assert store.promote(db, "a") == 1
        assert states(db) == {held: "scheduled", free: "ready"}
    assert store.promote(db, "a") == 1


def test_promotion_takes_what_is_due_in_its_order_and_leaves_the_rest(db: Connection[Any]) -> None:
    later, sooner, not_yet = put(db, 3, delay=3600)
    db.execute(
        "UPDATE qsup.jobs SET available_at = now() - interval '1 s' * (10 + id - %s) WHERE id < %s", (later, not_yet)
    )
    due = store.next_due(db, ["a", "b"])
    assert list(due) == ["a"]
    assert due["a"] < 0
    assert store.promote(db, "a") == 2
    assert states(db)[not_yet] == "scheduled"
    assert {each.id for each in claim(db, 5)} == {later, sooner}
    assert store.next_due(db, ["a"])["a"] > 3500


def test_promotion_goes_on_in_batches_of_a_thousand(db: Connection[Any]) -> None:
    put(db, 1200, delay=3600)
    db.execute("UPDATE qsup.jobs SET available_at = now() - interval '1 s'")
    assert [store.promote(db, "a") for _ in range(3)] == [store.BATCH, 200, 0]


def test_a_release_gives_the_attempt_back(db: Connection[Any]) -> None:
    key = the_key(db)
    assert store.release(db, [(key, "its worker was stopped")]) == [(key[0], "a")]
    row = job(db, key[0])
    assert row is not None
    assert (row["state"], row["attempts"], row["crashes"], row["claim_number"]) == ("ready", 0, 0, 1)
    assert events(db, key[0]) == [("released", "its worker was stopped")]
    assert claim(db)[0].key == (key[0], 2), "the claim number never goes back"


def test_a_retry_is_charged_and_waits(db: Connection[Any]) -> None:
    key = the_key(db)
    assert store.reschedule(db, [(key, Again(60.0, "retry", "no"))]) == [(key[0], "a", 60.0)]
    row = job(db, key[0])
    assert row is not None
    assert (row["state"], row["attempts"], row["crashes"]) == ("scheduled", 1, 0)
    assert 55 < store.next_due(db, ["a"])["a"] <= 60
    assert events(db, key[0]) == [("retry", "no")]


def test_a_crash_adds_to_the_crashes_and_not_to_the_attempts(db: Connection[Any]) -> None:
    key = the_key(db)
    store.reschedule(db, [(key, Again(0.0, "crash", "signal 9"))])
    row = job(db, key[0])
    assert row is not None
    assert (row["state"], row["attempts"], row["crashes"]) == ("ready", 0, 1)


def test_several_outcomes_of_one_kind_are_stored_in_one_statement(db: Connection[Any]) -> None:
    put(db, 3)
    first, second, third = (each.key for each in claim(db, 3))
    store.reschedule(
        db,
        [
            (first, Again(0.0, "crash", "x")),
            (second, Again(9.0, "retry", "y")),
            (late(third), Again(0.0, "retry", "z")),
        ],
    )
    assert states(db) == {first[0]: "ready", second[0]: "scheduled", third[0]: "running"}
    assert [events(db, key[0]) for key in (first, second, third)] == [[("crash", "x")], [("retry", "y")], []]


def test_a_failed_job_moves_to_failed_jobs(db: Connection[Any]) -> None:
    key = the_key(db)
    assert fail(db, key, kind="crash") == {key[0]}
    assert job(db, key[0]) is None
    row = db.execute(
        "SELECT id, queue, type, payload, attempts, crashes, cause, exception, message, traceback FROM qsup.failed_jobs"
    )
    assert row.fetchall() == [(key[0], "a", "Note", {}, 1, 1, "tries", "ValueError", "ValueError: no", "line 1")]
    assert events(db, key[0]) == [("tries", "ValueError: no")]


def test_a_failed_job_with_a_hook_keeps_its_row_as_the_step_failed(db: Connection[Any]) -> None:
    key = the_key(db)
    fail(db, key, hook=True)
    row = job(db, key[0])
    assert row is not None
    assert (row["state"], row["step"], row["attempts"], row["crashes"]) == ("ready", "failed", 0, 0)
    assert one(db, "SELECT count(*) FROM qsup.failed_jobs WHERE id = %s", key[0]) == 1
    hook = claim(db)[0]
    assert (hook.step, hook.error, hook.key) == ("failed", "ValueError: no", (key[0], 2))
    fail(db, hook.key, hook=True)
    assert job(db, key[0]) is None, "a hook has no hook"
    assert one(db, "SELECT message FROM qsup.failed_jobs WHERE id = %s", key[0]) == "ValueError: no"
    assert [kind for kind, _ in events(db, key[0])] == ["tries", "hook failed"]


def test_a_failed_job_frees_its_unique_key_while_its_hook_waits(db: Connection[Any]) -> None:
    query = "SELECT id FROM qsup.dispatch('Note', '{}', unique_key => 'k')"
    first = one(db, query)
    fail(db, claim(db)[0].key, hook=True)
    second = one(db, query)
    assert second != first
    fail(db, next(each.key for each in claim(db, 2) if each.id == second), hook=True)
    assert one(db, "SELECT count(*) FROM qsup.jobs WHERE step = 'failed' AND unique_key = 'k'") == 2


def test_an_archived_job_is_in_the_history_with_its_times(db: Connection[Any]) -> None:
    key = the_key(db)
    assert store.archive(db, [key]) == {key[0]}
    assert job(db, key[0]) is None
    row = db.execute(
        "SELECT id, queue, type, payload, attempts, crashes, created_at <= started_at, started_at <= finished_at"
        " FROM qsup.history"
    ).fetchall()
    assert row == [(key[0], "a", "Note", {}, 1, 0, True, True)]


def test_the_hook_of_a_failed_job_leaves_no_history(db: Connection[Any]) -> None:
    fail(db, the_key(db), hook=True)
    assert store.archive(db, [claim(db)[0].key])
    assert one(db, "SELECT count(*) FROM qsup.history") == 0


def test_the_rescue_takes_only_what_is_over_its_lease_and_belongs_to_nobody_alive(db: Connection[Any]) -> None:
    put(db, 4)
    ours, theirs = claim(db, 2, supervisor="alive"), claim(db, 2, supervisor="gone")
    over = [ours[0].id, theirs[0].id]
    db.execute("UPDATE qsup.jobs SET lease_until = now() - interval '1 s' WHERE id = ANY (%s)", (over,))
    assert store.rescue(db, ["alive"]) == [(theirs[0].id, "a")]
    row = job(db, theirs[0].id)
    assert row is not None
    assert (row["state"], row["attempts"], row["crashes"]) == ("ready", 0, 1)
    assert events(db, theirs[0].id) == [("rescued", "the supervisor of gone/a:0 is gone and the lease is over")]
    assert list(states(db).values()).count("running") == 3


def test_release_unnamed_leaves_what_is_named_and_what_is_others(db: Connection[Any]) -> None:
    put(db, 4)
    named, misnamed, unnamed = claim(db, 3)
    other = claim(db, 1, supervisor="us2")[0]
    assert sorted(store.release_unnamed(db, US, [named.key, late(misnamed.key)])) == [
        (misnamed.id, "a", True),
        (unnamed.id, "a", True),
    ]
    assert {number for number, state in states(db).items() if state == "running"} == {named.id, other.id}
    assert one(db, "SELECT sum(attempts) FROM qsup.jobs WHERE state = 'ready'") == 0


def test_a_row_that_a_dying_transaction_holds_is_said_to_be_not_released_yet(db: Connection[Any], dsn: str) -> None:
    put(db, 2)
    held, free = claim(db, 2)
    with Connection.connect(dsn) as dying:
        dying.execute(sql.text("complete"), {"id": held.id, "claim": held.claim})
        assert sorted(store.release_unnamed(db, US, [])) == [(held.id, "a", False), (free.id, "a", True)]
        dying.rollback()
    assert store.release_unnamed(db, US, []) == [(held.id, "a", True)]


def test_overdue_names_our_claims_whose_lease_is_over(db: Connection[Any]) -> None:
    put(db, 3)
    over, _fresh = claim(db, 2)
    theirs = claim(db, 1, supervisor="us2")[0]
    db.execute("UPDATE qsup.jobs SET lease_until = now() - interval '1 s' WHERE id = ANY (%s)", ([over.id, theirs.id],))
    assert store.overdue(db, US) == [over.key]


def test_lookup_finds_running_jobs_by_their_claim(db: Connection[Any]) -> None:
    put(db, 2, queue="a")
    first, second = claim(db, 2)
    store.release(db, [(second.key, "x")])
    assert store.lookup(db, [first.key, late(first.key), second.key]) == {first.key: first}


def test_a_supervisor_that_stopped_in_order_leaves_nothing(db: Connection[Any]) -> None:
    facts: dict[str, Any] = {
        "host": "h", "pid": 1, "code": "1", "config_file": "f", "generation": 1, "listens": ["a"], "declares": {},
    }  # fmt: skip
    store.beat(db, "x", **facts)
    store.beat(db, "y", **facts)
    store.wait_for(db, "x", ["a"])
    assert [(each.id, each.listens) for each in store.supervisors(db)] == [("x", ["a"]), ("y", ["a"])]
    store.sign_off(db, "x")
    assert [each.id for each in store.supervisors(db)] == ["y"]
    assert one(db, "SELECT count(*) FROM qsup.waiting") == 0


def test_a_silent_supervisor_is_forgotten_when_nothing_of_it_runs(db: Connection[Any]) -> None:
    facts: dict[str, Any] = {
        "host": "h", "pid": 1, "code": "1", "config_file": "f", "generation": 1, "listens": ["a"], "declares": {},
    }  # fmt: skip
    store.beat(db, US, **facts)
    store.wait_for(db, US, ["a"])
    key = the_key(db)
    store.forget_supervisor(db, US)
    assert store.supervisors(db), "it has just beaten"
    db.execute("UPDATE qsup.supervisors SET beat_at = now() - interval '31 s'")
    store.forget_supervisor(db, US)
    assert store.supervisors(db), "a job of it runs"
    store.claim_and_record(db, US, [key], [], {})
    store.forget_supervisor(db, US)
    assert not store.supervisors(db)
    assert one(db, "SELECT count(*) FROM qsup.waiting") == 0
