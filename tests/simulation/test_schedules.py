"""A hundred thousand schedules of accidents around the courier's own decisions, and proof that they would notice."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from qsup.courier import rescue
from qsup.courier.claims import Claims
from qsup.courier.desk import Desk
from qsup.courier.handout import Handout
from qsup.courier.peers import Peers
from qsup.courier.rescue import Found
from qsup.courier.serve import Service
from qsup.messages import Hello, Work
from qsup.outbox import Outbox
from qsup.rows import Key
from tests.simulation.host import Board
from tests.simulation.model import Connection
from tests.simulation.world import Broken, World

SCHEDULES = 100_000
SHARE = 1_000
ENOUGH = 20_000
"""Schedules in which a broken rule must be noticed; most are within a hundred."""


def first_broken(seeds: range) -> str:
    """Live them all; what was broken first, empty when nothing was."""
    # 60 MB of cycles until the end of a share are cheaper than looking for them all the time.
    gc.disable()
    try:
        for seed in seeds:
            World(seed).live()
    except Exception as error:
        return f"seed {seed}: {type(error).__name__}: {error}; again: python -m tests.simulation {seed}"
    finally:
        gc.enable()
    return ""


def test_no_schedule_loses_doubles_or_stops_a_job() -> None:
    base = random.SystemRandom().randrange(10**12)
    print(f"seeds {base} to {base + SCHEDULES - 1}")
    shares = [range(begin, begin + SHARE) for begin in range(base, base + SCHEDULES, SHARE)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        broken = [found for found in pool.map(first_broken, shares) if found]
    assert not broken, "\n".join(broken[:5])


def test_a_schedule_is_the_same_each_time() -> None:
    def told(seed: int) -> tuple[Any, ...]:
        world = World(seed)
        world.live()
        return world.now, world.tables.ended, world.begun.keys(), world.effects

    assert [told(seed) for seed in range(50)] == [told(seed) for seed in range(50)]


Break = Callable[[pytest.MonkeyPatch], None]


def without_the_net(patch: pytest.MonkeyPatch) -> None:
    """Else it would find what the rule above it has missed, when its lease is over."""
    patch.setattr(Service, "give_back", lambda _self, _keys: None)


def never_wait_for_hellos(patch: pytest.MonkeyPatch) -> None:
    real = Connection.release_unnamed

    def release(self: Connection, supervisor: str, named: Sequence[Key], **how: Any) -> bool:
        return real(self, supervisor, named, only=how.get("only"))

    patch.setattr(Connection, "release_unnamed", release)


def release_what_workers_have(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Peers, "given", lambda _self: list[Key]())


def forget_unsent_outcomes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outbox, "hello", lambda _self, slot, pid: Hello(slot, pid))


def settle_once_although_a_row_is_locked(patch: pytest.MonkeyPatch) -> None:
    without_the_net(patch)
    real = Service._settle

    def settle(service: Service, database: Any) -> None:
        real(service, database)
        service.settled = service.settled or service._settle_at > service._now()

    patch.setattr(Service, "_settle", settle)


def forget_those_who_come_back(patch: pytest.MonkeyPatch) -> None:
    without_the_net(patch)
    patch.setattr(Service, "_release_returned", lambda _self, _database: _self.desk.returned.clear())


def begin_what_was_taken_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Board, "take_back", lambda _self, _slot, _number: True)


def believe_that_a_lost_connection_lost_nothing(patch: pytest.MonkeyPatch) -> None:
    without_the_net(patch)
    patch.setattr(Service, "lost", lambda _self: None)
    patch.setattr(Service, "begin", lambda _self: None)


def sleep_without_a_second_look(patch: pytest.MonkeyPatch) -> None:
    def told(claims: Claims, queues: Sequence[str], waiting: bool) -> None:
        for name in queues:
            claims.lines[name].waiting = waiting

    patch.setattr(Claims, "told", told)


def rescue_at_the_first_look(patch: pytest.MonkeyPatch) -> None:
    def look(_watch: Any, us: str, silent: dict[str, float], _connected: float) -> Found:
        gone = {one for one, seconds in silent.items() if seconds > rescue.STALE_AFTER and one != us}
        return Found(tuple(gone), tuple({us, *silent} - gone))

    patch.setattr(rescue.Watch, "look", look)


def run_jobs_whose_lease_is_nearly_over(patch: pytest.MonkeyPatch) -> None:
    real = Handout._work

    def work(handout: Handout, *claimed: Any) -> Work:
        return replace(real(handout, *claimed), expires=1e12)

    patch.setattr(Handout, "_work", work)


def send_the_next_job_before_the_end_is_stored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Desk, "ready", lambda _self, peer: not (peer.at_work or peer.leaving or peer.channel.closed))


def keep_what_was_kept_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Handout, "let_go", lambda _self: None)
    patch.setattr(Handout, "go_on", lambda _self: None)


BREAKS: tuple[Break, ...] = (
    never_wait_for_hellos, release_what_workers_have, forget_unsent_outcomes, settle_once_although_a_row_is_locked,
    forget_those_who_come_back, begin_what_was_taken_back, believe_that_a_lost_connection_lost_nothing,
    sleep_without_a_second_look, rescue_at_the_first_look, run_jobs_whose_lease_is_nearly_over,
    send_the_next_job_before_the_end_is_stored, keep_what_was_kept_for_ever,
)  # fmt: skip


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda one: str(one.__name__).replace("_", " "))
def test_a_courier_without_this_rule_is_found_out(break_it: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(monkeypatch)
    for seed in range(ENOUGH):
        try:
            World(seed).live()
        except (Broken, KeyError):
            return
    pytest.fail(f"{ENOUGH} schedules did not notice")
