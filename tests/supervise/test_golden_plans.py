"""The scenes of a supervisor's life, told as plans in text files. `GOLDEN_PLANS=write pytest …` writes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from qsup.supervise import events, plan
from qsup.supervise.advance import advance
from qsup.supervise.events import Event
from qsup.supervise.model import COURIER, DATABASE, Desired, Scale, State
from qsup.supervise.reconcile import reconcile
from tests.supervise.world import queue, wanted

GOLDEN = Path(__file__).parent / "golden"
PAYMENTS, SMS, ROUTER = (
    queue("payments", 2),
    queue("sms", 1, priority=20),
    queue("router", 8, timeout=600.0, priority=10),
)
OLD, NEW = "1" * 64, "2" * 64


class Story:
    """Tells what happens and what is done about it; every action is carried out at once, with pids from 100.

    All children answer all pings, but for the `silent` one.
    """

    silent = ""

    def __init__(self, state: State) -> None:
        self.state, self.now, self.pid = state, 1000.0, 100
        self.text: list[str] = []

    def then(self, title: str, *happened: Event, after: float = 0.0) -> None:
        """Something happens `after` seconds; the plan is written down and carried out."""
        self.now += after
        for child in self.state.children.values():
            if child.running and child.name != self.silent:
                self.state = self.state.with_child(replace(child, heard=self.now))
        for event in happened:
            self.state = advance(self.state, event, self.now)
        todo = reconcile(self.state, self.now)
        again = "" if todo.look_again is None or todo.actions else f"\n(look again in {todo.look_again - self.now:g} s)"
        self.text.append(f"# {title}\n{todo.text}{again}\n")
        for action in todo.actions:
            self.pid += isinstance(action, plan.StartChild)
            self.state = advance(self.state, events.Taken(action, self.pid), self.now)

    def serve(self, *slots: str) -> None:
        """The workers that were ordered come up, silently; pids 1000 + record."""
        for slot in slots or tuple(slot.name for slot in self.state.live if slot.phase == "starting"):
            pid = 1000 + self.state.slots[slot].index + 100 * (self.state.slots[slot].why != "queues.yaml wants it")
            for event in (events.Forked(slot, pid), events.Serving(slot, pid)):
                self.state = advance(self.state, event, self.now)

    def dies(self, title: str, slot: str, status: int, cause: str = "", after: float = 0.0) -> None:
        """A worker dies."""
        self.then(title, events.WorkerDied(slot, self.state.slots[slot].pid, status, cause, 0.5), after=after)

    def child_dies(self, title: str, name: str, after: float = 0.0) -> None:
        """A child dies."""
        self.then(title, events.ChildDied(name, self.state.child(name).pid, 0.5), after=after)


def running(desired: Desired | None = None) -> Story:
    """A supervisor that has served these queues for an hour, untold."""
    desired = desired or wanted(PAYMENTS, SMS, ROUTER, code=OLD)
    story = Story(State(address=1))
    story.then("", events.Loaded(desired))
    story.then("", events.Heard(desired.template, ready=True), events.Heard(COURIER))
    story.serve()
    story.now += 3600
    story.text = []
    return story


def a_start() -> Story:
    story = Story(State(embedded=True))
    story.then("the file is read", events.Loaded(wanted(PAYMENTS, SMS, code=OLD)))
    story.then("the template is ready", events.Heard(wanted(PAYMENTS, SMS, code=OLD).template, ready=True), after=1)
    story.then("the embedded PostgreSQL is up", events.Heard(DATABASE), events.DatabaseAt(), after=2)
    story.serve()
    story.then("the workers serve", events.Heard(COURIER))
    return story


def an_edit_of_numbers_that_reach_living_workers() -> Story:
    story = running()
    changed = wanted(replace(PAYMENTS, tries=9, timeout=300.0, backoff=(1.0,)), SMS, ROUTER, generation=2, code=OLD)
    story.then("payments gets tries 9, timeout 300 s, backoff 1 s", events.Loaded(changed))
    story.then("the same file is saved again", events.Loaded(replace(changed, generation=3)))
    return story


def an_edit_that_replaces_workers_a_few_at_a_time() -> Story:
    story = running()
    changed = wanted(PAYMENTS, SMS, replace(ROUTER, memory=256 * 2**20), generation=2, code=OLD)
    story.then("router gets memory 256 MB: 2 of 8 at once", events.Loaded(changed))
    story.dies("router:0 has left", "router:0", 0, after=3)
    story.then("router:0 has been forked", events.Forked("router:0", 2000))
    story.then("router:0 serves", events.Serving("router:0", 2000))
    story.then("router:1 is still in its job, 600 s later", after=619)
    story.then("… and over its patience", after=2)
    return story


def an_edit_that_adds_and_removes_queues() -> Story:
    story = running()
    changed = wanted(replace(PAYMENTS, workers=1), ROUTER, queue("reports", 2), generation=2, code=OLD)
    story.then("sms removed, reports added, payments down to one worker", events.Loaded(changed))
    story.then("the template with the new module is ready", events.Heard(changed.template, ready=True), after=1)
    story.dies("sms:0 has left", "sms:0", 0, after=9)
    story.dies("payments:1 has left", "payments:1", 0)
    back = wanted(PAYMENTS, SMS, ROUTER, queue("reports", 2), generation=3, code=OLD)
    story.then("sms and payments:1 come back", events.Loaded(back), after=60)
    story.then("the template is ready", events.Heard(back.template, ready=True), after=1)
    return story


def an_edit_with_new_code() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    changed = wanted(PAYMENTS, SMS, generation=2, code=NEW)
    story.then("the handlers changed", events.Loaded(changed))
    story.then("their template is ready", events.Heard(changed.template, ready=True), after=2)
    for slot in ("payments:0", "sms:0"):
        story.dies(f"{slot} has left", slot, 0)
    story.serve()
    story.then("the new ones serve")
    story.dies("payments:1 has left", "payments:1", 0)
    return story


def an_edit_with_code_that_cannot_be_imported() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    changed = wanted(PAYMENTS, SMS, generation=2, code=NEW)
    story.then("the handlers changed", events.Loaded(changed))
    error = events.CodeBroken(changed.template, "handlers/payments.py:3: SyntaxError", 0.5)
    story.then("they cannot be imported", error, after=1)
    story.child_dies("that template has ended", changed.template)
    story.dies("a worker dies: its successor runs the old code", "payments:0", -9)
    return story


def a_start_with_code_that_cannot_be_imported() -> Story:
    story = Story(State(address=1))
    first = wanted(PAYMENTS, code=NEW)
    story.then("the file is read", events.Loaded(first))
    story.then("the handlers cannot be imported", events.CodeBroken(first.template, "SyntaxError", 0.5), after=1)
    story.child_dies("the template has ended", first.template)
    story.child_dies("the courier has ended", COURIER)
    return story


def a_worker_that_crashes_again_and_again() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    story.dies("payments:0 is killed after an hour", "payments:0", -9)
    for crash in range(4):
        story.serve("payments:0")
        story.dies(f"it dies {crash + 2} times, at once", "payments:0", -11, after=0.1)
        again = reconcile(story.state, story.now).look_again or 0.0
        story.then("the delay is over", after=again - story.now)
    return story


def a_worker_that_ends_for_a_reason() -> Story:
    story = running()
    story.dies("payments:0 is old", "payments:0", 0)
    story.dies("payments:1 needs too much memory", "payments:1", 12)
    story.dies("router:0 is over the time limit of its job", "router:0", -9, "timeout")
    story.dies("sms:0 has been killed for its memory", "sms:0", -9, "memory")
    return story


def the_template_dies() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    story.child_dies("the template is killed", wanted(PAYMENTS, SMS, code=OLD).template)
    story.then("the next one is ready", events.Heard(wanted(PAYMENTS, SMS, code=OLD).template, ready=True), after=1)
    story.dies("payments:0 has finished and left", "payments:0", 0)
    return story


def the_courier_dies_and_hangs() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    story.child_dies("the courier is killed", COURIER)
    story.then("it says something", after=0.1)
    story.silent = COURIER
    story.then("then nothing for 5 s", after=5)
    story.child_dies("it is reaped", COURIER)
    story.then("half a second later", after=0.5)
    return story


def the_machine_slept() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    story.state = advance(story.state, events.Tick(), story.now)
    story.silent = COURIER
    story.now += 30_000
    story.then("awake after eight hours in which the courier could not answer", events.Tick())
    story.then("it does not answer now either", after=6)
    return story


def the_database_moves() -> Story:
    story = running(wanted(PAYMENTS, code=OLD))
    story.then("the embedded PostgreSQL listens elsewhere now", events.DatabaseAt())
    return story


def a_pause() -> Story:
    story = running(wanted(PAYMENTS, code=OLD))
    story.then("USR2", events.PauseAsked(True))
    story.then("CONT", events.PauseAsked(False))
    return story


def an_operator_asks_for_a_restart() -> Story:
    story = running()
    story.then("a restart of payments and router", events.RestartAsked(("payments", "router"), story.now))
    story.then("the same command comes again", events.RestartAsked(("payments", "router"), story.now - 1))
    story.dies("payments:0 has left", "payments:0", 0, after=3)
    story.then("it has been forked", events.Forked("payments:0", 2000))
    story.then("it serves", events.Serving("payments:0", 2000))
    story.dies("payments:1 has left", "payments:1", 0, after=3)
    story.then("it serves: payments is done, two of router are still away", events.Serving("payments:1", 2001), after=1)
    return story


def an_operator_scales_a_queue() -> Story:
    story = running()
    story.then("payments is scaled from 2 to 4", events.Scaled({"payments": Scale(4, (2,))}))
    for number in (2, 3):
        story.then(f"payments:{number} serves", events.Serving(f"payments:{number}", 2000 + number))
    more = wanted(PAYMENTS, SMS, replace(ROUTER, tries=9), generation=2, code=OLD)
    story.then("an edit of something else", events.Loaded(more), after=60)
    story.then("scaled to 1", events.Scaled({"payments": Scale(1, (2,))}), after=60)
    for number in (1, 2, 3):
        story.dies(f"payments:{number} has left", f"payments:{number}", 0)
    three = wanted(replace(PAYMENTS, workers=3), SMS, replace(ROUTER, tries=9), generation=3, code=OLD)
    story.then("the file says 3 now: it wins", events.Loaded(three), after=60)
    return story


def a_job_is_cancelled() -> Story:
    story = running()
    story.dies("the job of payments:0 is cancelled", "payments:0", -9, "cancelled")
    story.dies("that of payments:1 is released", "payments:1", -9, "released")
    return story


def a_graceful_stop() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    story.then("TERM", events.StopAsked(False))
    story.dies("sms:0 has left", "sms:0", 0)
    story.dies("payments:1 has left", "payments:1", 0)
    story.dies("payments:0 dies in its job", "payments:0", -9)
    story.child_dies("the template has ended", wanted(PAYMENTS, SMS, code=OLD).template)
    story.child_dies("the courier has ended", COURIER)
    return story


def a_second_signal() -> Story:
    story = running(wanted(PAYMENTS, SMS, code=OLD))
    story.then("TERM", events.StopAsked(False))
    story.dies("sms:0 has left", "sms:0", 0)
    story.then("TERM again", events.StopAsked(False))
    return story


def workers_of_an_earlier_supervisor() -> Story:
    story = Story(State(address=1))
    found = (events.Occupied("payments:1", 1, 77), events.Occupied("gone:0", 5, 78))
    first = wanted(PAYMENTS, code=OLD)
    story.then("two slots are locked", *found, events.Loaded(first))
    story.then("the template is ready", events.Heard(first.template, ready=True), after=1)
    story.dies("payments:1 has finished its job", "payments:1", 0, "lost", after=20)
    return story


SCENES: tuple[Callable[[], Story], ...] = (
    a_start, an_edit_of_numbers_that_reach_living_workers, an_edit_that_replaces_workers_a_few_at_a_time,
    an_edit_that_adds_and_removes_queues, an_edit_with_new_code, an_edit_with_code_that_cannot_be_imported,
    a_start_with_code_that_cannot_be_imported, a_worker_that_crashes_again_and_again, a_worker_that_ends_for_a_reason,
    the_template_dies, the_courier_dies_and_hangs, the_machine_slept, the_database_moves, a_pause,
    an_operator_asks_for_a_restart, an_operator_scales_a_queue, a_job_is_cancelled, a_graceful_stop,
    a_second_signal, workers_of_an_earlier_supervisor,
)  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_scene_is_played_as_it_is_written(scene: Callable[[], Story]) -> None:
    text, file = "\n".join(scene().text), GOLDEN / f"{scene.__name__}.txt"
    if os.environ.get("GOLDEN_PLANS") == "write":
        file.write_text(text)
    assert text == file.read_text()


def test_every_golden_file_belongs_to_a_scene() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {scene.__name__ for scene in SCENES}
