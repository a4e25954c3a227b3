"""The statements of operators' commands: what they move, what they leave alone, and when a command is closed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from qsup import declare, orderbook, store
from qsup.orderbook import Aim
from qsup.outcome import Failed, Report
from qsup.routing import Route
from tests.schema.rows import US, a_file, claim, declare_world, events, job, locked, one, put, states

HOOK = Route(job="Note", queue="a", handler="jobs:run", failed="jobs:sorry")


def cancelled(db: Connection[Any], number: int, *, step: str = "run") -> int:
    """Store `qsup cancel`; nobody has pursued it yet."""
    return orderbook.give(db, "ann", "cancel", str(number), {"job": number, "step": step}, [])


def beats(db: Connection[Any], supervisor: str, ago: float = 0.0, **slots: int) -> None:
    """A supervisor was last heard of so many seconds ago."""
    declares = declare.declares(a_file(slots, {})) if slots else declare.declares(a_file({"a": 1}, {}), solo=True)
    store.beat(db, supervisor, host="h", pid=1, code="0", config_file="f", generation=1, listens=list(slots),
               declares=declares)  # fmt: skip
    db.execute(
        "UPDATE qsup.supervisors SET beat_at = beat_at - make_interval(secs => %s) WHERE id = %s", (ago, supervisor)
    )


def test_a_paused_queue_gives_nothing_and_another_one_does(db: Connection[Any]) -> None:
    declare_world(db, a=1, b=1)
    put(db, 3)
    [other] = put(db, queue="b")
    orderbook.pause(db, "a", "ann")
    assert claim(db, 3) == []
    assert [found.id for found in claim(db, 1, "b")] == [other]
    orderbook.resume(db, "a")
    assert len(claim(db, 3)) == 3


def test_a_second_pause_leaves_the_first_ones_name_and_time(db: Connection[Any]) -> None:
    declare_world(db)
    orderbook.pause(db, "a", "ann")
    before = orderbook.queue_orders(db)["a"]
    orderbook.pause(db, "a", "bob")
    assert orderbook.queue_orders(db)["a"] == before
    assert before.paused_by == "ann"


def test_a_waiting_job_moves_to_the_failed_ones_in_one_statement(db: Connection[Any]) -> None:
    declare_world(db)
    ready, later, other = *put(db), *put(db, delay=60), *put(db)
    for number in (ready, later):
        cancelled(db, number)
    orderbook.pursue_jobs(db)
    assert states(db) == {other: "ready"}
    assert db.execute("SELECT id, cause, message FROM qsup.failed_jobs ORDER BY id").fetchall() == [
        (ready, "cancelled", "cancelled by ann (command 1)"),
        (later, "cancelled", "cancelled by ann (command 2)"),
    ]
    assert events(db, ready) == [("cancelled", "cancelled by ann (command 1)")]
    assert orderbook.result(db, 1) == (True, "cancelled while it waited")


def test_with_a_hook_its_row_stays_for_that_and_a_second_pursuit_leaves_it(db: Connection[Any]) -> None:
    routing = a_file({"a": 1}, {})
    declare.apply(db, declare_with(routing), US)
    [number] = put(db)
    cancelled(db, number)
    orderbook.pursue_jobs(db)
    orderbook.pursue_jobs(db)
    row = job(db, number)
    assert row is not None
    assert (row["step"], row["state"], row["attempts"], row["error"]) == (
        "failed", "ready", 0, "cancelled by ann (command 1)",
    )  # fmt: skip
    assert one(db, "SELECT count(*) FROM qsup.failed_jobs") == 1


def declare_with(routing: Any) -> Any:
    """The same with the job class Note and its hook."""
    return type(routing)(
        queues=routing.queues, routes={"Note": HOOK}, payload_limit=1000, database=None, code=()
    )  # fmt: skip


def test_a_hook_can_be_cancelled_as_a_step_of_its_own(db: Connection[Any]) -> None:
    declare.apply(db, declare_with(a_file({"a": 1}, {})), US)
    [number] = put(db)
    cancelled(db, number)
    orderbook.pursue_jobs(db)
    cancelled(db, number, step="failed")
    orderbook.pursue_jobs(db)
    assert states(db) == {}
    assert one(db, "SELECT count(*) FROM qsup.failed_jobs") == 1
    assert events(db, number)[-1][0] == "hook failed"


def test_a_running_job_is_left_to_its_owner_and_named_to_nobody_else(db: Connection[Any]) -> None:
    declare_world(db)
    [number] = put(db)
    [found] = claim(db)
    cancelled(db, number)
    orderbook.pursue_jobs(db)
    assert states(db) == {number: "running"}
    assert orderbook.aims(db, US) == [Aim(1, number, found.claim, "a:0")]
    assert orderbook.aims(db, "another") == []
    assert orderbook.result(db, 1) == (False, "")


def test_what_falls_back_to_the_queue_is_cancelled_there(db: Connection[Any]) -> None:
    declare_world(db)
    [number] = put(db)
    [found] = claim(db)
    cancelled(db, number)
    store.release(db, [(found.key, "its courier lost it")])
    orderbook.pursue_jobs(db)
    assert states(db) == {}
    assert one(db, "SELECT cause FROM qsup.failed_jobs") == "cancelled"


def test_a_row_that_somebody_holds_is_not_waited_for(db: Connection[Any], dsn: str) -> None:
    declare_world(db)
    [number] = put(db)
    cancelled(db, number)
    db.execute("SET lock_timeout = '1s'")
    with locked(dsn, number):
        orderbook.pursue_jobs(db)
        assert states(db) == {number: "ready"}
    orderbook.pursue_jobs(db)
    assert states(db) == {}


def test_a_job_that_ends_by_itself_closes_the_command(db: Connection[Any]) -> None:
    declare_world(db)
    numbers = put(db, 2)
    done, broken = claim(db, 2)
    for number in numbers:
        cancelled(db, number)
    store.claim_and_record(db, US, [done.key], [], {})
    store.fail(db, [(broken.key, Failed("tries", "no"), Report(kind="error"), False)])
    orderbook.pursue_jobs(db)
    assert orderbook.result(db, 1) == (True, "it had ended before")
    assert orderbook.result(db, 2) == (True, "it had failed before: tries")


def test_a_release_means_one_claim_only(db: Connection[Any]) -> None:
    declare_world(db)
    [number] = put(db)
    [first] = claim(db)
    command = orderbook.give(
        db, "ann", "release", str(number), {"job": number, "step": "run", "claim": first.claim}, []
    )
    assert orderbook.aims(db, US) == [Aim(command, number, first.claim, "a:0")]
    store.release(db, [(first.key, "other reasons")])
    claim(db)
    assert orderbook.aims(db, US) == []
    orderbook.pursue_jobs(db)
    assert orderbook.result(db, command) == (True, "released")


def test_a_command_is_closed_when_everybody_alive_has_answered(db: Connection[Any]) -> None:
    declare_world(db)
    beats(db, "here", a=1)
    beats(db, "gone", ago=120, a=1)
    command = orderbook.give(db, "ann", "restart", "a", {}, ["here", "gone"])
    orderbook.answer(db, command, "here", "taken", "2 to replace")
    orderbook.close_answered(db)
    assert orderbook.result(db, command) == (False, "")
    orderbook.answer(db, command, "here", "done", "")
    orderbook.answer(db, command, "here", "taken", "too late")
    orderbook.close_answered(db)
    assert orderbook.result(db, command) == (True, "done by 1, not finished by 1")


def test_who_is_concerned(db: Connection[Any]) -> None:
    declare_world(db, a=1, b=1)
    beats(db, "both", a=1, b=2)
    beats(db, "other", b=1)
    beats(db, "silent", ago=31, a=1)
    assert [found.id for found in orderbook.concerned(db, "a")] == ["both"]
    assert {found.id: found.slots for found in orderbook.concerned(db, None)} == {
        "both": {"a": 1, "b": 2},
        "other": {"b": 1},
    }


def test_a_scale_ends_when_no_live_file_says_what_it_was_made_from(db: Connection[Any]) -> None:
    declare_world(db)
    beats(db, "other", a=2)
    orderbook.scale(db, "a", 5, [2])
    orderbook.end_scale(db, "a", 2, US)
    orderbook.end_scale(db, "a", 3, US)
    assert orderbook.queue_orders(db)["a"].scale == 5, "another host's file still says 2"
    beats(db, "other", a=3)
    orderbook.end_scale(db, "a", 3, US)
    assert orderbook.queue_orders(db) == {}


def test_declaring_again_keeps_pause_and_scale(db: Connection[Any]) -> None:
    declare_world(db)
    orderbook.pause(db, "a", "ann")
    orderbook.scale(db, "a", 5, [1])
    before = orderbook.queue_orders(db)
    declare_world(db, a=3)
    assert orderbook.queue_orders(db) == before


@pytest.mark.parametrize("arguments", ["{}", '{"job": "x"}', '{"job": 1, "claim": "y"}'])
def test_a_row_that_would_stop_every_house_cannot_be_written(db: Connection[Any], arguments: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("INSERT INTO qsup.commands (who, verb, arguments) VALUES ('x', 'cancel', %s)", (arguments,))


def test_commands_and_answers_are_kept_for_ninety_days(db: Connection[Any]) -> None:
    declare_world(db)
    old, new = (orderbook.give(db, "ann", "pause", "a", {}, [US]) for _ in range(2))
    db.execute("UPDATE qsup.commands SET at = at - interval '91 days' WHERE id = %s", (old,))
    assert orderbook.prune(db) is False
    assert db.execute("SELECT command FROM qsup.command_answers").fetchall() == [(new,)]
    orderbook.answer(db, old, US, "done", "")
