"""What an edit changes, in words: for `qsup plan` and for the operator of `qsup run`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from qsup.routing import Queue, Route
from qsup.supervise.desired import shown, spec_difference
from qsup.supervise.model import Desired
from qsup.units import written

REPLACING = frozenset(("memory", "max_time", "max_jobs", "start"))
TIMES = frozenset(("sleep", "timeout", "grace", "keep"))
SLOTS = frozenset(("name", "workers", "purpose"))


def edit_lines(old: Desired, new: Desired) -> list[str]:
    """One line per thing that becomes different; empty when nothing does."""
    return [*_queues(old, new), *_jobs(old, new), *_rest(old, new)]


def worker_lines(old: Desired, new: Desired, pids: dict[str, int]) -> list[str]:
    """What becomes of every worker: kept, replaced, drained, started."""
    return [
        _worker(slot, old, new, pids.get(slot, 0))
        for slot in [*new.slots, *(s for s in old.slots if s not in new.slots)]
    ]


def _worker(slot: str, old: Desired, new: Desired, pid: int) -> str:
    named = f"{slot} (pid {pid})" if pid else slot
    before, after = old.slots.get(slot), new.slots.get(slot)
    if after is None:
        return f"drain {named}: it finishes its job and leaves"
    if before is None:
        return f"start {slot}"
    if before.spec != after.spec:
        return f"replace {named}: {spec_difference(before.spec, after.spec)}"
    return f"keep {named}"


def _queues(old: Desired, new: Desired) -> Iterator[str]:
    before, after = old.routing.queues, new.routing.queues
    for name, queue in after.items():
        if name not in before:
            yield f"queue {name} added: {_workers(queue)}"
        elif queue != before[name]:
            yield from _queue(before[name], queue)
    for name in before:
        if name not in after:
            yield f"queue {name} removed"


def _queue(before: Queue, after: Queue) -> Iterator[str]:
    if before.workers != after.workers:
        yield f"queue {after.name}: {_workers(before)} → {_workers(after)}"
    for field in fields(Queue):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name in SLOTS or old == new:
            continue
        how = "its workers are replaced" if field.name in REPLACING else "living workers follow"
        yield f"queue {after.name}: {field.name} {_value(field.name, old)} → {_value(field.name, new)} ({how})"


def _jobs(old: Desired, new: Desired) -> Iterator[str]:
    before, after = old.routing.routes, new.routing.routes
    for name, route in after.items():
        if name not in before:
            yield f"job {name} added: {route.queue}, {route.handler}"
        elif route != before[name]:
            yield f"job {name}: {_route_difference(before[name], route)}"
    for name in before:
        if name not in after:
            yield f"job {name} removed"


def _rest(old: Desired, new: Desired) -> Iterator[str]:
    if old.code_version != new.code_version:
        yield "the handlers' code changed: all workers are replaced, a few at a time"
    if old.routing.payload_limit != new.routing.payload_limit:
        yield f"payload_limit {old.routing.payload_limit} → {new.routing.payload_limit}"


def _route_difference(before: Route, after: Route) -> str:
    names = [field.name for field in fields(Route)]
    return ", ".join(
        f"{name} {_value(name, getattr(before, name))} → {_value(name, getattr(after, name))}"
        for name in names
        if getattr(before, name) != getattr(after, name)
    )


def _workers(queue: Queue) -> str:
    return f"{queue.workers} worker{'' if queue.workers == 1 else 's'}"


def _value(name: str, value: object) -> str:
    match value:
        case None:
            return "auto" if name == "prefetch" else "not set"
        case float() if name in TIMES and value:
            return written(value)
        case tuple():
            return ",".join(written(one) for one in value)
        case _:
            return shown(name, value)
