"""One expansion of the routing into the flat list of slots that should run, and how two of them differ, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType

from qsup.routing import Queue, Routing
from qsup.supervise.model import TEMPLATE, Desired, Scale, Spec, Wanted
from qsup.units import written, written_size


def desire(routing: Routing, *, generation: int, source_hash: str, code_version: str) -> Desired:
    """What should run for this routing and this version of the code."""
    modules = forked_modules(routing)
    digest = hashlib.sha256("\n".join((code_version, *modules)).encode()).hexdigest()
    return Desired(
        generation=generation,
        routing=routing,
        source_hash=source_hash,
        code_version=code_version,
        modules=modules,
        template=TEMPLATE + digest[:8],
        slots={wanted.slot: wanted for wanted in _wanted(routing, code_version)},
    )


def forked_modules(routing: Routing) -> tuple[str, ...]:
    """The modules of the handlers that run in forked workers; those of `start: exec` import their own."""
    handlers = [
        handler
        for route in routing.routes.values()
        if (server := routing.server(route.queue)) is not None and routing.queues[server].start == "fork"
        for handler in (route.handler, route.failed)
        if handler is not None
    ]
    return tuple(sorted({handler.partition(":")[0] for handler in handlers}))


def spec_of(queue: Queue, code_version: str) -> Spec:
    """What of the queue's settings a worker is started with; all others reach it while it lives."""
    return Spec(queue.start, queue.memory, queue.max_time, queue.max_jobs, code_version)


def scaled(desired: Desired, scales: Mapping[str, Scale]) -> Desired:
    """The same with as many workers as operators want; a scale ends with the number that it was made from."""
    queues = desired.routing.queues
    found = {
        name: scale.workers
        for name, scale in scales.items()
        if name in queues and queues[name].workers in scale.made_from and queues[name].workers > 0
    }
    slots = {wanted.slot: wanted for wanted in _wanted(desired.routing, desired.code_version, found)}
    return replace(desired, scaled=found, slots=slots)


def _wanted(routing: Routing, code_version: str, scaled: Mapping[str, int] = MappingProxyType({})) -> list[Wanted]:
    ordered = sorted(routing.queues.values(), key=lambda queue: queue.priority)
    return [
        Wanted(slot, queue.name, queue.priority, spec_of(queue, code_version), patience(routing, queue))
        for queue in ordered
        for slot in replace(queue, workers=scaled.get(queue.name, queue.workers)).slots
    ]


def patience(routing: Routing, queue: Queue) -> float:
    """Seconds that a stopping worker of this queue may need for its longest job."""
    return routing.longest(queue.name) + queue.stop_wait - queue.timeout


def same(one: Desired, other: Desired) -> bool:
    """Would serving `other` instead of `one` change anything?"""
    return one.routing == other.routing and one.code_version == other.code_version


def spec_difference(old: Spec | None, new: Spec) -> str:
    """Why a worker with `old` must be replaced: `memory 128 MB → 256 MB`."""
    if old is None:
        return "it was started by an earlier supervisor"
    parts = [
        f"{name} {shown(name, before)} → {shown(name, after)}"
        for name in (field.name for field in fields(Spec))
        if (before := getattr(old, name)) != (after := getattr(new, name))
    ]
    return ", ".join(parts)


def shown(name: str, value: object) -> str:
    match name, value:
        case "memory", int():
            return written_size(value)
        case "code_version", str():
            return value[:8] or "none"
        case "max_time", float():
            return written(value) if value else "no limit"
        case "max_jobs", int():
            return str(value or "no limit")
        case _:
            return str(value)
