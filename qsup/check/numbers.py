"""What the numbers of a queue come to and where each was said. Pure: for `qsup explain`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from qsup import keys, units
from qsup.config import Parsed
from qsup.outcome import Rules
from qsup.routing import MARGIN, Queue, Route

DURATIONS = ("sleep", "timeout", "max_time", "grace", "keep")


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective setting."""

    key: str
    value: Any
    text: str
    """As a person would write it."""
    origin: str
    """`queue`, `defaults` or `built in`."""
    line: int
    """Of the file; 0 for built in."""


@dataclass(frozen=True, slots=True)
class JobNumbers:
    """What holds for one job class on its queue. Times in seconds."""

    job: str
    handler: str
    failed: str | None
    own: tuple[str, ...]
    """The settings that the job has of its own."""
    tries: int
    soft_end: float
    hard_end: float
    lease: float
    waits: tuple[float, ...]
    """After try 1, 2 …: one less than tries."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything about one queue. Times in seconds."""

    queue: str
    purpose: str
    workers: int
    served_by: str | None
    serves: tuple[str, ...]
    """The queues that its workers look at, in order."""
    settings: tuple[Setting, ...]
    soft_end: float
    hard_end: float
    lease: float
    stop_wait: float
    """How long a stopping worker may need, for the longest job it may have."""
    waits: tuple[float, ...]
    jobs: tuple[JobNumbers, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


def explain(parsed: Parsed, name: str) -> Numbers:
    """The numbers of the declared queue `name`; `parsed` is without errors."""
    routing = parsed.routing
    queue, server = routing.queues[name], routing.server(name)
    rules = routing.rules("", name)
    workers = routing.queues[server or name]
    return Numbers(
        queue=name,
        purpose=queue.purpose,
        workers=queue.workers,
        served_by=server,
        serves=routing.pool(name) if server == name else (),
        settings=tuple(_settings(parsed, queue, workers)),
        soft_end=rules.timeout,
        hard_end=rules.timeout + rules.grace,
        lease=rules.lease,
        stop_wait=routing.longest(workers.name) + workers.grace + MARGIN,
        waits=waits(rules),
        jobs=tuple(
            _job(route, routing.rules(job, name)) for job, route in routing.routes.items() if route.queue == name
        ),
    )


def waits(rules: Rules) -> tuple[float, ...]:
    """The waits between the tries, without jitter: one less than there are tries (at most 100 are told)."""
    count = min(rules.tries - 1, 100)
    return tuple(rules.backoff[min(index, len(rules.backoff) - 1)] for index in range(count))


def _settings(parsed: Parsed, queue: Queue, workers: Queue) -> Iterator[Setting]:
    for key in keys.Settings.model_fields:
        # What belongs to the worker is the setting of the queue whose worker it is.
        owner = workers if key in keys.OF_THE_WORKER else queue
        value = getattr(owner, key)
        origin, line = _origin(parsed, owner.name, key)
        yield Setting(key, value, written(key, value), origin, line)


def _origin(parsed: Parsed, queue: str, key: str) -> tuple[str, int]:
    if parsed.tree.says("queues", queue, key):
        return f"queue {queue}", parsed.tree.key("queues", queue, key).line
    if parsed.tree.says("defaults", key):
        return "defaults", parsed.tree.key("defaults", key).line
    return "built in", 0


def written(key: str, value: Any) -> str:
    """A setting's value as one would write it."""
    if key in DURATIONS:
        return units.written(value)
    match key:
        case "memory":
            return units.written_size(value)
        case "backoff":
            return f"[{', '.join(units.written(delay) for delay in value)}]"
        case "jitter":
            return f"{value * 100:g}%"
        case "prefetch":
            return "auto" if value is None else str(value)
        case _:
            return str(value)


def _job(route: Route, rules: Rules) -> JobNumbers:
    own = tuple(key for key in ("tries", "timeout", "backoff") if getattr(route, key) is not None)
    return JobNumbers(
        job=route.job,
        handler=route.handler,
        failed=route.failed,
        own=own,
        tries=rules.tries,
        soft_end=rules.timeout,
        hard_end=rules.timeout + rules.grace,
        lease=rules.lease,
        waits=waits(rules),
    )
