"""How many jobs are asked for at once: as many as there are, found by doubling."""

from __future__ import annotations

from qsup.courier.claims import Claims
from qsup.rows import Claimed, Want
from tests.courier.rig import a_queue, a_routing

SLOTS = ("q:0", "q:1")


def some_claims() -> Claims:
    claims = Claims()
    claims.configure(a_routing(a_queue("q", workers=2)))
    return claims


def claim(claims: Claims, backlog: int) -> int:
    """Ask for as many as it says; how many came of so many that were there."""
    wanted = claims.depth("q") * len(SLOTS)
    [want] = claims.wants({"q": SLOTS * claims.depth("q")}, now=0.0)
    came = min(wanted, backlog)
    jobs = [Claimed(number, 1, "q", "Note", "{}", 0, 0, "run", None, number, "q:0") for number in range(came)]
    claims.took([Want("q", want.slots, want.after, want.timeout, want.slack)], jobs, now=0.0, cost=0.0)
    claims.wake("q")
    return came


def test_idle_workers_are_asked_for_as_they_are_and_a_backlog_soon_fills_them() -> None:
    claims = some_claims()
    assert [claim(claims, 1000) for _ in range(5)] == [2, 4, 8, 16, 32]


def test_without_a_backlog_it_comes_back_to_one_for_each() -> None:
    claims = some_claims()
    for _ in range(5):
        claim(claims, 1000)
    asked = []
    for _ in range(7):
        asked.append(claims.depth("q"))
        claim(claims, 1)
    assert asked == [32, 16, 8, 4, 2, 1, 1]


def test_nothing_is_asked_for_where_nothing_is() -> None:
    claims = some_claims()
    while claims.lines["q"].after or not claims.lines["q"].empty:
        [want] = claims.wants({"q": SLOTS}, now=0.0)
        claims.took([want], [], now=0.0, cost=0.0)
    assert claims.depth("q") == 0
    claims.wake("q")
    assert claims.depth("q") == 1
