"""state' = advance(state, event, now): what do we know now? No decision is carried out here, and no clock is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from qsup.supervise import events
from qsup.supervise.desired import same, scaled
from qsup.supervise.ending import ended
from qsup.supervise.events import Event
from qsup.supervise.model import COURIER, TEMPLATE, Child, Desired, Scale, Slot, State
from qsup.supervise.plan import (
    ConfigureCourier,
    Exit,
    KillChild,
    KillWorker,
    PauseCourier,
    StartChild,
    StartWorker,
    StopChild,
    StopWorker,
)

SOON = 10.0
"""Seconds after its start within which a death counts as part of a crash loop."""
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
GAP = 2.5
"""The loop turns every second. If it did not, the machine slept: nobody could answer, so nobody is killed for it."""
ENDED_AS_ASKED = (0, 12)
"""Exit codes of a worker that was told to leave, is old enough or has used too much memory."""


KILLED_FOR_ITS_JOB = ("timeout", "memory", "cancelled", "released")
"""Causes of a death that say nothing against the worker's code."""


def advance(state: State, event: Event, now: float) -> State:
    """The state after the event."""
    state = _woken(state, now)
    match event:
        case events.Tick():
            return state
        case events.Loaded(desired):
            return _loaded(state, desired)
        case events.Heard(child, ready):
            return _heard(state, child, ready, now)
        case events.CodeBroken(child, error, chance):
            return _code_broken(state, child, error, chance, now)
        case events.ChildDied(child, pid, chance):
            return _child_died(state, child, pid, chance, now)
        case events.Forked() | events.Serving() | events.WorkerDied() | events.Occupied():
            return _worker(state, event, now)
        case events.DatabaseAt():
            return replace(state, address=state.address + 1)
        case events.Fatal(exit_code):
            return replace(state, stopping=state.stopping or "drain", exit_code=exit_code)
        case events.StopAsked(now=at_once):
            return replace(state, stopping="now" if at_once or state.stopping else "drain")
        case events.PauseAsked(paused):
            return replace(state, paused=paused)
        case events.RestartAsked(queues, at):
            times = {queue: max(at, state.restarts.get(queue, at)) for queue in queues}
            return replace(state, restarts={**state.restarts, **times})
        case events.Scaled(scales):
            return _scaled(state, scales)
        case events.Taken():
            return _taken(state, event, now)
        case _:
            assert_never(event)


def delay(crashes: int, chance: float) -> float:
    """Seconds to wait before the next start after so many crashes in a row; the first costs nothing."""
    if crashes <= 1:
        return 0.0
    doubled = FIRST_DELAY * 2.0 ** min(crashes - 2, 10)
    return min(LONGEST_DELAY, doubled * (0.8 + 0.4 * chance))


def _woken(state: State, now: float) -> State:
    slept = state.looked > 0 and now - state.looked > GAP
    if not slept:
        return replace(state, looked=now)
    children = {
        name: replace(child, heard=now) if child.heard else replace(child, since=max(child.since, now))
        for name, child in state.children.items()
    }
    return replace(state, looked=now, children=children)


def _loaded(state: State, new: Desired) -> State:
    newest = state.candidate or state.desired
    if newest is not None and same(newest, new):
        return state
    new = scaled(new, state.scales)
    if state.child(new.template).phase == "ready":
        return _serve(state, new)
    # The newest edit counts; a candidate that it overtakes is forgotten and its template stopped.
    return replace(state, candidate=new)


def _scaled(state: State, scales: Mapping[str, Scale]) -> State:
    desired, candidate = (one and scaled(one, scales) for one in (state.desired, state.candidate))
    return replace(state, scales=scales, desired=desired, candidate=candidate)


def _serve(state: State, desired: Desired) -> State:
    """A worker keeps the longest patience of all generations that it has lived in: its job may be of an older one."""
    slots = {
        name: replace(slot, patience=max(slot.patience, desired.slots[name].patience))
        if name in desired.slots
        else slot
        for name, slot in state.slots.items()
    }
    return replace(state, desired=desired, candidate=None, slots=slots)


def _heard(state: State, name: str, ready: bool, now: float) -> State:
    child = state.child(name)
    if not child.running:
        return state
    # Only a template has to say that it is ready; for the others any word will do.
    spoke = ready or not name.startswith(TEMPLATE)
    phase = "ready" if spoke and child.phase == "starting" else child.phase
    state = state.with_child(replace(child, heard=now, phase=phase, error="" if ready else child.error))
    if ready and state.candidate is not None and state.candidate.template == name:
        return _serve(state, state.candidate)
    return state


def _code_broken(state: State, name: str, error: str, chance: float, now: float) -> State:
    child = state.child(name)
    crashes = child.crashes + 1
    state = state.with_child(
        replace(child, phase="stopping", error=error, crashes=crashes, not_before=now + delay(crashes + 1, chance))
    )
    if state.candidate is None or state.candidate.template != name:
        return state
    if state.desired is None:
        # Nothing was served before, so there is no old world to stay in.
        return replace(state, candidate=None, stopping=state.stopping or "drain", exit_code=1)
    return replace(state, candidate=None)


def _child_died(state: State, name: str, pid: int, chance: float, now: float) -> State:
    child = state.child(name)
    if child.pid != pid or not child.running:
        return state
    state = state.with_child(_down(child, chance, now))
    if name == COURIER:
        state = replace(state, configured=None, told_paused=False)
    if name.startswith(TEMPLATE):
        state = _orphaned(state, name, chance, now)
        if name not in {wanted.template for wanted in (state.desired, state.candidate) if wanted is not None}:
            state = replace(state, children={other: kept for other, kept in state.children.items() if other != name})
    return state


def _down(child: Child, chance: float, now: float) -> Child:
    if child.phase == "stopping":
        return replace(child, phase="down", pid=0, since=now, heard=0.0)
    crashes = child.crashes + 1 if now - child.since < SOON else 1
    not_before = now + delay(crashes, chance)
    return replace(child, phase="down", pid=0, since=now, heard=0.0, crashes=crashes, not_before=not_before)


def _orphaned(state: State, template: str, chance: float, now: float) -> State:
    """Its workers are ours now. A fork that was never answered did not happen, or will be found by the slot's lock."""
    slots = dict(state.slots)
    for name, slot in state.slots.items():
        if slot.template != template or slot.phase == "empty":
            continue
        if slot.pid == 0:
            slots[name] = _emptied(slot, 1, "was lost with its template", chance, now)
        elif slot.phase == "killed":
            # The order may not have been carried out; it is given again, to us.
            slots[name] = replace(slot, template="", phase="leaving", patience=0.001)
        else:
            slots[name] = replace(slot, template="")
    return replace(state, slots=slots)


def _worker(
    state: State, event: events.Forked | events.Serving | events.WorkerDied | events.Occupied, now: float
) -> State:
    slot = state.slots.get(event.slot)
    match event:
        case events.Occupied(name, index, pid):
            patience = slot.patience if slot is not None else 0.0
            found = Slot(
                name=name, index=index, phase="serving", pid=pid, since=now, patience=patience, why="found alive"
            )
            return state.with_slot(found)
        case _ if slot is None or slot.phase == "empty" or slot.pid not in (0, event.pid):
            return state
        case events.Forked():
            return state.with_slot(replace(slot, pid=event.pid))
        case events.Serving():
            phase = "serving" if slot.phase == "starting" else slot.phase
            return state.with_slot(replace(slot, pid=event.pid, phase=phase, served=True))
        case events.WorkerDied():
            return state.with_slot(_buried(slot, event, now))
        case _:
            assert_never(event)


def _buried(slot: Slot, died: events.WorkerDied, now: float) -> Slot:
    asked = slot.phase in ("leaving", "killed") or died.cause in KILLED_FOR_ITS_JOB
    well = asked or (slot.served and died.status in ENDED_AS_ASKED and not died.in_job)
    crashes = 0 if well else (slot.crashes + 1 if now - slot.since < SOON else 1)
    why = (
        f"left: {slot.why}"
        if slot.phase == "leaving" and died.status == 0
        else ended(died.status, died.cause, died.in_job)
    )
    return _emptied(slot, crashes, why, died.chance, now)


def _emptied(slot: Slot, crashes: int, why: str, chance: float, now: float) -> Slot:
    return Slot(
        name=slot.name,
        index=slot.index,
        since=now,
        why=why,
        crashes=crashes,
        not_before=now + delay(crashes, chance) if crashes else now,
    )


def _taken(state: State, taken: events.Taken, now: float) -> State:
    match taken.action:
        case StartChild(name=name):
            child = state.child(name)
            return state.with_child(replace(child, phase="starting", pid=taken.pid, since=now, heard=0.0))
        case StopChild(name=name):
            return state.with_child(replace(state.child(name), phase="stopping", since=now))
        case KillChild(name=name):
            return state.with_child(_killed(state.child(name), now))
        case StartWorker() | StopWorker() | KillWorker():
            return _without_doubles(state, _worked(state, taken.action, now))
        case ConfigureCourier(generation=generation, address=address, paused=paused):
            return replace(state, configured=(generation, address), told_paused=paused)
        case PauseCourier(paused=paused):
            return replace(state, told_paused=paused)
        case Exit():
            return state
        case _:
            assert_never(taken.action)


def _killed(child: Child, now: float) -> Child:
    """No worker is asked of it any more. Killed again after a while, should the kernel need long to end it."""
    if child.phase == "stopping":
        return replace(child, since=now)
    crashes = child.crashes + 1 if now - child.since < SOON else 1
    return replace(child, phase="stopping", since=now, crashes=crashes, not_before=now + delay(crashes, 0.5))


def _without_doubles(state: State, changed: Slot) -> State:
    """A new slot may have taken the board's record of a removed one, which is then forgotten."""
    others = {name: slot for name, slot in state.slots.items() if slot.index != changed.index}
    return replace(state, slots={**others, changed.name: changed})


def _worked(state: State, action: StartWorker | StopWorker | KillWorker, now: float) -> Slot:
    slot = state.slots.get(action.slot)
    match action:
        case StartWorker(slot=name, index=index, template=template, spec=spec, patience=patience, why=why):
            crashes = 0 if slot is None else slot.crashes
            return Slot(
                name=name, index=index, phase="starting", spec=spec, template=template, since=now, why=why,
                crashes=crashes, patience=patience,
            )  # fmt: skip
        case StopWorker(why=why):
            return replace(state.slots[action.slot], phase="leaving", since=now, why=why)
        case KillWorker(why=why):
            return replace(state.slots[action.slot], phase="killed", since=now, why=why)
        case _:
            assert_never(action)
