"""Single rules of the core that a random world would only show by accident."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qsup.supervise import events
from qsup.supervise.advance import LONGEST_DELAY, delay
from qsup.supervise.desired import desire, forked_modules
from qsup.supervise.edit import edit_lines, worker_lines
from qsup.supervise.model import COURIER
from tests.supervise.world import fresh, queue, routing, settled, wanted


def test_the_first_crash_costs_no_time_and_the_next_ones_double() -> None:
    assert [delay(crashes, 0.5) for crashes in range(1, 8)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert delay(1000, 0.999) == LONGEST_DELAY


def test_a_worker_that_always_dies_at_once_is_started_a_few_times_a_minute() -> None:
    world = fresh(1)
    world.edit(wanted(queue("payments", 1)))
    world.run(5)
    before = len(world.starts)
    for _ in range(600):
        if "payments:0" in world.workers:
            world.end_worker("payments:0", world.workers["payments:0"].pid, -11)
        world.run(0.1)
    assert 5 <= len(world.starts) - before <= 10


def test_a_worker_that_leaves_as_it_should_is_followed_at_once_however_often() -> None:
    world = fresh(1)
    world.edit(wanted(queue("payments", 1)))
    for _ in range(5):
        world.run(1)
        before = len(world.starts)
        world.end_worker("payments:0", world.workers["payments:0"].pid, 12)
        assert len(world.starts) == before + 1


def test_queues_start_by_priority_and_stop_the_other_way() -> None:
    world = fresh(1)
    world.edit(wanted(queue("late", 1, priority=20), queue("early", 1, priority=1), queue("middle", 1, priority=5)))
    world.run(10)
    world.tell(events.StopAsked(now=False))
    order = [line.split("worker ")[1].split(":")[0] for line in world.log if " worker " in line]
    assert order == ["early", "middle", "late", "late", "middle", "early"]


def test_a_courier_that_was_killed_is_told_everything_again() -> None:
    world = fresh(1)
    world.edit(wanted(queue("payments", 1)))
    world.run(5)
    world.end_child(COURIER, world.children[COURIER].pid)
    assert world.log[-1].endswith("configure courier generation 1: it has just started")


def test_at_most_a_quarter_of_a_queue_is_replaced_at_the_same_time() -> None:
    world = fresh(3)
    world.edit(wanted(queue("payments", 8), queue("sms", 1)))
    world.run(10)
    world.edit(wanted(queue("payments", 8, memory=256 * 2**20), queue("sms", 1), generation=2))
    least = 8
    for _ in range(300):
        world.run(0.1)
        least = min(least, sum(slot.phase == "serving" for slot in world.state.slots.values() if slot.name < "s"))
    assert least == 6
    assert all(slot.spec and slot.spec.memory == 256 * 2**20 for slot in world.state.live if slot.name < "s")


def test_new_code_that_crashes_leaves_the_old_workers_alone() -> None:
    world = fresh(4)
    world.edit(wanted(queue("payments", 4)))
    world.run(10)
    old = {worker.pid for worker in world.workers.values()}
    world.edit(wanted(queue("payments", 4), generation=2, code="b" * 64))
    for _ in range(600):
        for worker in list(world.workers.values()):
            if worker.pid not in old:
                world.end_worker(worker.name, worker.pid, 1)
        world.run(0.1)
    assert sum(worker.pid in old for worker in world.workers.values()) >= 2


def test_a_template_imports_what_its_own_workers_run_and_nothing_else() -> None:
    heavy = queue("heavy", 1, start="exec")
    unheard = queue("unheard", 0)
    assert forked_modules(routing(queue("payments"), heavy, unheard)) == ("handlers.payments",)


def test_code_and_modules_make_a_template_but_numbers_do_not() -> None:
    first = wanted(queue("payments", 1))
    assert wanted(queue("payments", 5, tries=9), generation=2).template == first.template
    assert wanted(queue("payments", 1), code="b" * 64).template != first.template
    assert wanted(queue("payments", 1), queue("sms", 1)).template != first.template


def test_an_edit_is_told_in_words() -> None:
    old = wanted(queue("payments", 2), queue("sms", 1))
    changed = queue("payments", 3, timeout=90.0, backoff=(5.0, 60.0), memory=256 * 2**20, prefetch=0)
    new = wanted(changed, queue("reports", 1), generation=2, code="b" * 64)
    assert edit_lines(old, new) == [
        "queue payments: 2 workers → 3 workers",
        "queue payments: timeout 1m → 1m30s (living workers follow)",
        "queue payments: backoff 5s,15s,1m → 5s,1m (living workers follow)",
        "queue payments: memory 128MB → 256MB (its workers are replaced)",
        "queue payments: prefetch auto → 0 (living workers follow)",
        "queue reports added: 1 worker",
        "queue sms removed",
        "job ReportsJob added: reports, handlers.reports:work",
        "job SmsJob removed",
        "the handlers' code changed: all workers are replaced, a few at a time",
    ]
    assert worker_lines(old, replace(new, code_version=old.code_version), {"payments:0": 7})[:3] == [
        "replace payments:0 (pid 7): memory 128MB → 256MB, code_version aaaaaaaa → bbbbbbbb",
        "replace payments:1: memory 128MB → 256MB, code_version aaaaaaaa → bbbbbbbb",
        "start payments:2",
    ]


@pytest.mark.parametrize("name", ["tries", "sleep", "purpose", "priority", "keep"])
def test_settings_that_reach_living_workers_do_not_replace_them(name: str) -> None:
    one = routing(queue("payments", 1))
    other = routing(queue("payments", 1, **{name: 77}))
    made = [desire(each, generation=1, source_hash="", code_version="a") for each in (one, other)]
    assert made[0].slots["payments:0"].spec == made[1].slots["payments:0"].spec


def test_a_death_that_is_reported_late_does_not_bury_the_successor() -> None:
    world = fresh(5)
    world.edit(wanted(queue("payments", 1)))
    world.run(5)
    old, courier = world.workers["payments:0"].pid, world.children[COURIER].pid
    world.end_worker("payments:0", old, -9)
    world.end_child(COURIER, courier)
    world.run(5)
    world.tell(events.WorkerDied("payments:0", old, -9, "", 0.5))
    world.tell(events.ChildDied(COURIER, courier, 0.5))
    assert settled(world) == ""
    assert world.state.slots["payments:0"].pid == world.workers["payments:0"].pid
    assert world.state.child(COURIER).pid == world.children[COURIER].pid
