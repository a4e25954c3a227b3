"""Whether a claim waits a moment, so that workers which end nearly together ride in one commit."""

from __future__ import annotations

from typing import cast

import pytest

from qsup.courier.claims import Claims
from qsup.courier.gather import ENOUGH, LONGEST, patience, worth
from qsup.courier.pace import Pace
from qsup.courier.peers import Kept, Peer
from qsup.courier.ports import Wire
from qsup.rows import Claimed

CLAIM = 0.0006
"""Seconds."""
NOW = 1000.0


def at_work(number: int, *, jobs: int = 1, since: float = 0.0001) -> Peer:
    """A worker that was handed so many jobs so many seconds ago."""
    peer = Peer(cast(Wire, None), pid=number, slot=f"q:{number}")
    for one in range(jobs):
        job = Claimed(one, 1, "q", "Note", "{}", 0, 0, "run", None, one, peer.slot)
        peer.jobs[job.key], peer.head_at = job, NOW - since
    return peer


def jobs_that_take(seconds: float) -> Pace:
    pace = Pace()
    pace.saw("q", seconds)
    return pace


SHORT = jobs_that_take(0.0003)


def test_an_end_waits_for_another_that_is_soon_to_come() -> None:
    assert worth(1, [at_work(0), at_work(1, jobs=0)], SHORT, CLAIM, NOW)


def test_nobody_waits_when_nothing_is_to_be_recorded_or_nobody_else_is_at_work() -> None:
    assert not worth(0, [at_work(0)], SHORT, CLAIM, NOW)
    assert not worth(1, [at_work(0, jobs=0)], SHORT, CLAIM, NOW)


def test_a_job_that_runs_for_longer_than_a_claim_is_not_waited_for() -> None:
    assert not worth(1, [at_work(0, since=2 * CLAIM)], SHORT, CLAIM, NOW)
    assert worth(1, [at_work(0, since=2 * CLAIM), at_work(1)], SHORT, CLAIM, NOW)


@pytest.mark.parametrize("pace", [jobs_that_take(2 * CLAIM), Pace()], ids=["long", "never seen"])
def test_jobs_that_are_not_known_to_be_short_are_not_waited_for(pace: Pace) -> None:
    assert not worth(1, [at_work(0)], pace, CLAIM, NOW)


def test_a_worker_that_has_its_next_job_already_is_not_waited_for() -> None:
    assert not worth(1, [at_work(0, jobs=2)], SHORT, CLAIM, NOW)


def test_a_worker_is_waited_for_although_more_is_kept_for_it() -> None:
    peer = at_work(0, jobs=2)
    peer.kept.append(Kept(list(peer.jobs.values())[1], NOW))
    assert worth(1, [peer], SHORT, CLAIM, NOW)


def test_what_fills_a_claim_well_goes_at_once() -> None:
    assert worth(ENOUGH - 1, [at_work(0)], SHORT, CLAIM, NOW)
    assert not worth(ENOUGH, [at_work(0)], SHORT, CLAIM, NOW)


def test_patience_is_a_part_of_what_a_claim_takes_and_never_long() -> None:
    assert 0 < patience(CLAIM) < CLAIM
    assert patience(60.0) == LONGEST


def test_claims_know_what_they_take() -> None:
    claims = Claims()
    for _ in range(100):
        claims.took([], [], now=NOW, cost=CLAIM)
    assert claims.cost == pytest.approx(CLAIM, rel=0.01)
    claims.took([], [], now=NOW, cost=100 * CLAIM)
    assert claims.cost < 12 * CLAIM
