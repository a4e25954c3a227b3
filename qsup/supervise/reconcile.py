"""plan = reconcile(state, now): what should be done now, why, and when must we look again?

Carrying out the whole plan and telling `advance` about it leads to a state in which nothing more is to be done now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from qsup.supervise.advance import SOON
from qsup.supervise.children import child_actions, child_times
from qsup.supervise.desired import spec_difference
from qsup.supervise.model import COURIER, Desired, Slot, State, Wanted
from qsup.supervise.plan import (
    Action,
    ConfigureCourier,
    Exit,
    KillWorker,
    PauseCourier,
    Plan,
    StartWorker,
    StopWorker,
)

MOTION = 4
"""At most one of so many slots of a queue (and at least one slot) is replaced at the same time."""


def reconcile(state: State, now: float) -> Plan:
    """Everything that is to be done now. The order matters: who claims is told first, then who works."""
    actions = [*_courier(state), *child_actions(state, now), *_workers(state, now)]
    if not actions and state.stopping and not state.live and not any(c.running for c in state.children.values()):
        actions = [Exit(state.exit_code, "nothing is left running")]
    later = [time for time in (*child_times(state), *_worker_times(state)) if time > now]
    return Plan(tuple(actions), min(later, default=None))


def _courier(state: State) -> Iterator[Action]:
    desired, address = state.desired, state.address
    if state.child(COURIER).phase not in ("starting", "ready"):
        return
    if desired is None or not address:
        return
    if state.configured != (desired.generation, address):
        yield ConfigureCourier(desired.generation, address, state.quiet, state.configured is None, _news(state))
    elif state.told_paused != state.quiet:
        reasons = {True: "asked to pause", False: "asked to go on"}
        yield PauseCourier(state.quiet, "stopping" if state.stopping else reasons[state.paused])


def _news(state: State) -> str:
    if state.configured is None:
        return "it has just started"
    return "the database has a new address" if state.configured[1] != state.address else "the file was edited"


def _workers(state: State, now: float) -> Iterator[Action]:
    if state.stopping:
        yield from _stop_all(state, now)
        return
    if state.desired is None:
        return
    yield from _start_missing(state, state.desired, now)
    yield from _leave_unwanted(state, state.desired)
    yield from _replace_changed(state, state.desired, now)
    yield from _out_of_patience(state, now)


def _stop_all(state: State, now: float) -> Iterator[Action]:
    """High priority numbers first, the reverse of the start."""
    for slot in sorted(state.live, key=lambda slot: _stop_order(state, slot), reverse=True):
        if slot.pid == 0:
            continue
        if state.stopping == "now" and slot.phase != "killed":
            yield KillWorker(slot.name, slot.pid, "stopped", "stopping at once; its job goes back uncharged")
        elif slot.phase in ("starting", "serving"):
            yield StopWorker(slot.name, slot.pid, "stopping")
    yield from _out_of_patience(state, now)


def _stop_order(state: State, slot: Slot) -> tuple[int, int]:
    wanted = state.desired.slots.get(slot.name) if state.desired else None
    return (wanted.priority if wanted else 0, slot.index)


def _start_missing(state: State, desired: Desired, now: float) -> Iterator[Action]:
    template = state.template
    if template is None or template.phase != "ready":
        return
    indexes = _free_indexes(state, desired)
    for wanted in desired.slots.values():
        slot = state.slots.get(wanted.slot)
        if slot is None:
            yield _start(desired, wanted, next(indexes), _wish(desired, wanted.queue))
        elif slot.phase == "empty" and slot.not_before <= now:
            why = f"the last one {slot.why}" if slot.why else _wish(desired, wanted.queue)
            yield _start(desired, wanted, slot.index, why)


def _wish(desired: Desired, queue: str) -> str:
    scale = desired.scaled.get(queue)
    return "queues.yaml wants it" if scale is None else f"queue {queue} is scaled to {scale}"


def _start(desired: Desired, wanted: Wanted, index: int, why: str) -> StartWorker:
    return StartWorker(wanted.slot, index, desired.template, wanted.spec, wanted.patience, why)


def _free_indexes(state: State, desired: Desired) -> Iterator[int]:
    """Records of the board that nobody uses: those of removed slots are used again."""
    taken = {slot.index for slot in state.slots.values() if slot.phase != "empty" or slot.name in desired.slots}
    return (index for index in range(10**6) if index not in taken)


def _leave_unwanted(state: State, desired: Desired) -> Iterator[Action]:
    for slot in state.slots.values():
        if slot.phase not in ("starting", "serving") or not slot.pid:
            continue
        if slot.name not in desired.slots:
            yield StopWorker(slot.name, slot.pid, _unwanted(slot, desired))
        elif not slot.template:
            why = "its template died" if slot.spec is not None else "it was started by an earlier supervisor"
            yield StopWorker(slot.name, slot.pid, why)


def _unwanted(slot: Slot, desired: Desired) -> str:
    queue = slot.name.rpartition(":")[0]
    declared = desired.routing.queues.get(queue)
    return (
        f"queue {queue} was removed" if declared is None else f"queue {queue} wants only {desired.workers(queue)} now"
    )


def _replace_changed(state: State, desired: Desired, now: float) -> Iterator[Action]:
    """Only a working worker is replaced, and only while few others of its queue are away.

    A slot that crashes counts as away until it has lasted: when the new code does not work, the old workers stay.
    """
    away: dict[str, int] = defaultdict(int)
    changed: dict[str, list[tuple[Wanted, Slot]]] = defaultdict(list)
    for wanted in desired.slots.values():
        slot = state.slots.get(wanted.slot)
        if slot is None or slot.phase != "serving" or not slot.template or now < _proved(slot):
            away[wanted.queue] += 1
        elif slot.spec != wanted.spec or _outlived(state, wanted, slot):
            changed[wanted.queue].append((wanted, slot))
    for queue, pairs in changed.items():
        budget = max(1, desired.workers(queue) // MOTION) - away[queue]
        for wanted, slot in pairs[: max(0, budget)]:
            why = spec_difference(slot.spec, wanted.spec) or "a restart was asked for"
            yield StopWorker(slot.name, slot.pid, why)


def _outlived(state: State, wanted: Wanted, slot: Slot) -> bool:
    return slot.since < state.restarts.get(wanted.queue, slot.since)


def restarting(state: State, queue: str) -> list[str]:
    """The slots of a queue that a restart has not reached: the worker is too old, or the new one does not serve yet."""
    wanted = [] if state.desired is None else [one for one in state.desired.slots.values() if one.queue == queue]
    return [one.slot for one in wanted if not _renewed(state, one)]


def _renewed(state: State, wanted: Wanted) -> bool:
    slot = state.slots.get(wanted.slot)
    return slot is not None and slot.phase == "serving" and not _outlived(state, wanted, slot)


def _proved(slot: Slot) -> float:
    return slot.since + SOON if slot.crashes else slot.since


def _out_of_patience(state: State, now: float) -> Iterator[Action]:
    for slot in state.live:
        if slot.phase == "leaving" and slot.patience and now >= slot.since + slot.patience and state.stopping != "now":
            yield KillWorker(slot.name, slot.pid, "", f"it did not leave in {slot.patience:g} s")


def _worker_times(state: State) -> Iterator[float]:
    for slot in state.slots.values():
        if slot.phase == "empty":
            yield slot.not_before
        elif slot.phase == "serving":
            yield _proved(slot)
        elif slot.phase == "leaving" and slot.patience:
            yield slot.since + slot.patience
