"""Where a claim begins, when it goes back to the start, who is told to notify us, and what the poll is for."""

from __future__ import annotations

import psycopg
import pytest

from qsup.courier.claims import BUSY_AFTER, REWIND_EVERY, Claims
from qsup.courier.pace import SHORT
from qsup.rows import Claimed, Want
from tests.courier.rig import Rig, a_queue, a_routing
from tests.courier.test_jobs_run import put, put_at_once, ready


@pytest.fixture
def claims() -> Claims:
    """Of one queue with two workers."""
    found = Claims()
    found.configure(a_routing(a_queue("q", workers=2, timeout=20.0, grace=3.0)))
    return found


FREE = {"q": ["q:0", "q:1"]}


def claimed(*seqs: int) -> list[Claimed]:
    """Jobs with these places in the queue."""
    return [Claimed(seq, 1, "q", "Note", "{}", 1, 0, "run", None, seq, "q:0") for seq in seqs]


def take(claims: Claims, now: float, *seqs: int, cost: float = 0.0) -> Want:
    """One claim that brings these; what was asked for."""
    [want] = claims.wants(FREE, now)
    claims.took([want], claimed(*seqs), now, cost)
    return want


def test_a_claim_goes_on_behind_the_last_one(claims: Claims) -> None:
    assert take(claims, 10.0, 5, 7).after == 0
    assert take(claims, 10.1, 8, 9).after == 7
    assert take(claims, 10.2, 12, 11).after == 9
    assert take(claims, 10.3, 13, 14).after == 12


def test_it_goes_back_to_the_start_when_it_found_too_little_and_rests_when_there_was_nothing_either(
    claims: Claims,
) -> None:
    take(claims, 10.0, 5, 7)
    assert take(claims, 10.1, 8).after == 7
    assert take(claims, 10.2, 6).after == 0, "what became visible behind it was not looked for"
    assert claims.wants(FREE, 10.3) == []


def test_it_goes_back_to_the_start_after_a_second_and_later_when_that_was_slow(claims: Claims) -> None:
    take(claims, 10.0, 1, 2, cost=0.2)
    assert take(claims, 10.0 + REWIND_EVERY + 0.5, 3, 4).after == 2, "20 times 0.2 s are not over"
    assert take(claims, 14.1, 5, 6, cost=0.0).after == 0
    assert take(claims, 14.1 + REWIND_EVERY / 2, 7, 8).after == 6
    assert take(claims, 14.2 + REWIND_EVERY, 9, 10).after == 0


def test_a_queue_that_rests_is_looked_at_again_when_it_is_woken(claims: Claims) -> None:
    take(claims, 10.0)
    assert claims.wants(FREE, 10.1) == []
    claims.wake("another")
    assert claims.wants(FREE, 10.2) == []
    claims.wake("q")
    assert len(claims.wants(FREE, 10.3)) == 1


def test_who_finds_nothing_asks_to_be_notified_and_looks_once_more(claims: Claims) -> None:
    assert claims.sleepers() == []
    take(claims, 10.0)
    assert claims.sleepers() == ["q"]
    claims.told(["q"], waiting=True)
    assert len(claims.wants(FREE, 10.1)) == 1, "a dispatch just before it asked was not looked for"
    take(claims, 10.1)
    assert claims.sleepers() == []
    assert claims.wants(FREE, 10.2) == []


def test_who_is_always_busy_is_not_notified_any_more(claims: Claims) -> None:
    take(claims, 10.0)
    claims.told(["q"], waiting=True)
    for number in range(BUSY_AFTER):
        assert claims.busy() == []
        take(claims, 10.1, 2 * number + 1, 2 * number + 2)
    assert claims.busy() == ["q"]


def test_a_new_connection_asks_again(claims: Claims) -> None:
    take(claims, 10.0)
    claims.told(["q"], waiting=True)
    take(claims, 10.1)
    claims.forget_waiting()
    assert claims.sleepers() == ["q"]


def test_while_paused_nothing_is_asked_for(claims: Claims) -> None:
    claims.paused = True
    assert claims.wants(FREE, 10.0) == []


def test_each_pool_asks_for_as_many_as_it_has_free_slots_and_its_own_queue_is_first() -> None:
    claims = Claims()
    low = a_queue("low", workers=0, workers_of="main")
    claims.configure(a_routing(a_queue("main", workers=3), low, a_queue("other")))
    free = {"main": ["main:0", "main:2"], "other": []}
    assert [(want.queue, want.slots) for want in claims.wants(free, 10.0)] == [("main", ("main:0", "main:2"))]
    claims.took(claims.wants(free, 10.0), [], 10.0, 0.0)
    assert [want.queue for want in claims.wants(free, 10.1)] == ["low"]
    claims.wake("main")
    assert [want.queue for want in claims.wants(free, 10.2)] == ["main"]


def waiting(rig: Rig) -> list[tuple[object, ...]]:
    return rig.rows("SELECT queue, supervisor FROM qsup.waiting")


def test_an_idle_courier_waits_for_notifications_and_a_busy_one_does_not(rig: Rig) -> None:
    ready(rig, workers=1)
    rig.until(lambda: waiting(rig) == [("q", rig.supervisor)], "it waits")
    number = 6 * BUSY_AFTER
    # Longer than what may wait in a socket: one job in a claim.
    put_at_once(rig, number, seconds=3 * SHORT)
    rig.until(lambda: waiting(rig) == [], "it is busy and says so")
    rig.until(rig.drained, "all done")
    rig.until(lambda: waiting(rig) == [("q", rig.supervisor)], "it waits again")
    assert len(rig.lines()) == number


def test_what_is_dispatched_without_a_notification_is_found_by_the_poll(rig: Rig) -> None:
    ready(rig, workers=1)
    rig.until(lambda: waiting(rig) == [("q", rig.supervisor)], "it waits")
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        # As a dispatcher whose snapshot is older than the waiting row: it notifies nobody.
        conn.execute("DELETE FROM qsup.waiting")
    put(rig)
    rig.until(rig.drained, "done")


def test_no_column_of_a_claim_or_a_lease_is_in_an_index(rig: Rig) -> None:
    query = """
        SELECT DISTINCT a.attname FROM pg_index AS i
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = 'qsup.jobs'::regclass
    """
    indexed = {name for (name,) in rig.rows(query)}
    assert indexed == {"id", "queue", "seq", "available_at", "type", "unique_key"}
