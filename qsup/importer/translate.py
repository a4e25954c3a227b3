"""Workers under supervisord → queues of queues.yaml, with what each value was made from. Pure.

A Laravel worker looks at the queues of its list in order, the first that has a job wins: its first queue gets the
workers, the others are served by them (`workers_of`). What queues.yaml has no word for is told, never lost in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qsup import keys, units, values
from qsup.check.problem import Problem
from qsup.check.supervisord.listeners import Listener
from qsup.check.supervisord.rules import at
from qsup.routing import Queue, Routing

LARAVEL: Mapping[str, Any] = {
    "sleep": 3.0,
    "tries": 1,
    "timeout": 60.0,
    "backoff": (0.0,),
    "jitter": 0.0,
    "memory": 128 * 1024**2,
    "max_time": 0.0,
    "max_jobs": 0,
}
"""What a Laravel worker does where its command says nothing. It does not vary its waits: no jitter."""

MOST_TRIES = 10_000
MOST_WORKERS = 1_000
"""Of one queue, as queues.yaml has it."""
FOR_EVER = 86_400.0
"""Seconds of a timeout that Laravel does not have; in qsup a lost job comes back only after it."""
BUSY_SLEEP = 1.0
MOST_PRIORITY = 999
DROPPED = ("rest", "name", "env")
"""Options that queues.yaml has no word for."""


@dataclass(kw_only=True)
class Made:
    """One queue to be."""

    name: str
    program: str
    """Where it comes from: `queue.conf:12 [program:payments]`."""
    workers: int = 0
    workers_of: str | None = None
    priority: int = MOST_PRIORITY
    settings: dict[str, Any] = field(default_factory=dict)
    """By the keys of queues.yaml; seconds and bytes."""
    purpose: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Imported:
    """Everything that a queues.yaml will say."""

    queues: tuple[Made, ...]
    problems: tuple[Problem, ...]


def translate(listeners: Iterable[Listener], configs: Mapping[str, Routing]) -> Imported:
    """The queues of `listeners`; `configs` are the queues.yaml of qsup's workers, by the name that they are given."""
    work = _Translation(configs)
    known = [one for one in listeners if not one.why and one.kind in ("laravel", "qsup")]
    for one in known:
        work.own(one)
    for one in known:
        work.served(one)
    for made in work.queues.values():
        if made.workers > MOST_WORKERS:
            made.notes.append(f"{made.workers:,} workers: no queue can have more than {MOST_WORKERS:,}")
            made.workers = MOST_WORKERS
    return Imported(tuple(work.queues.values()), tuple(work.problems))


class _Translation:
    def __init__(self, configs: Mapping[str, Routing]) -> None:
        self.configs = configs
        self.queues: dict[str, Made] = {}
        self.first: dict[str, Listener] = {}
        self.renamed: dict[str, str] = {}
        self.problems: list[Problem] = []

    def own(self, one: Listener) -> None:
        """The workers, at the first queue that they look at; the others are declared in their order."""
        made = self._queue(one.queues[0], one)
        if one.queues[0] in self.first:
            self._more(made, one)
        else:
            self.first[one.queues[0]] = one
            self._fill(made, one)
        for queue in self._tail(one):
            self._queue(queue, one)

    def _tail(self, one: Listener) -> tuple[str, ...]:
        routing = self.configs.get(one.config or "")
        if one.kind == "qsup" and routing and one.queues[0] in routing.queues:
            return routing.pool(one.queues[0])[1:]
        return one.queues[1:]

    def _queue(self, queue: str, one: Listener) -> Made:
        name = self._named(queue, one)
        return self.queues.setdefault(name, Made(name=name, program=one.place))

    def _named(self, queue: str, one: Listener) -> str:
        """A name that queues.yaml can have."""
        if queue not in self.renamed:
            name = queue
            if not re.fullmatch(values.QUEUE_NAME, queue, re.ASCII):
                plain = re.sub(r"[^A-Za-z0-9._-]+", "-", queue).strip("-._")[:58] or "queue"
                name = next(new for new in _numbered(plain) if new not in self.queues)
                message = f"listens to {queue!r}, which cannot be the name of a queue here: it is imported as {name}"
                self._tell(one, "Q641", message, "dispatch to the new name", queue)
            self.renamed[queue] = name
        return self.renamed[queue]

    def _fill(self, made: Made, one: Listener) -> None:
        made.workers = one.processes if one.starts else 0
        made.program = one.place
        made.purpose = " ".join(one.program.section.comment.split())
        if not one.starts:
            made.notes.append(f"autostart=false: {one.processes} worker(s), only when somebody starts them")
        made.priority = min(max(one.program.values["priority"], 0), MOST_PRIORITY)
        if made.priority != one.program.values["priority"]:
            made.notes.append(f"priority {one.program.values['priority']} is brought into 0 to {MOST_PRIORITY}")
        made.settings = dict(self._settings(made, one))

    def _settings(self, made: Made, one: Listener) -> Mapping[str, Any]:
        if one.worked is not None:
            return dict(_laravel(one, made.notes))
        routing = self.configs.get(one.config or "")
        if routing is None or one.queues[0] not in routing.queues:
            made.notes.append(f"its settings are in {one.config or 'its queues.yaml'}, which could not be read")
            return {}
        made.purpose = routing.queues[one.queues[0]].purpose
        return dict(_of(routing.queues[one.queues[0]]))

    def _more(self, made: Made, one: Listener) -> None:
        """Another program with the same first queue: its workers are added, its own options are lost."""
        made.workers += one.processes if one.starts else 0
        first = self.first[one.queues[0]]
        made.notes.append(f"and {one.processes} worker(s) of {one.place}")
        lost = dict(_laravel(one, [])) if one.worked else {}
        different = [key for key, value in lost.items() if made.settings.get(key) != value]
        if different:
            message = f"its {', '.join(different)} differ from those of [{first.program.section.name}], which are taken"
            self._tell(one, "Q640", message, f"all workers of {made.name} are the same here", made.name)
        if one.queues[1:] != first.queues[1:] and set(one.queues) & set(first.queues[1:]):
            message = f"looks at its queues in another order than [{first.program.section.name}], whose order is taken"
            self._tell(one, "Q640", message, queue=made.name)

    def served(self, one: Listener) -> None:
        """The queues behind the first: served by its workers, unless others have that place."""
        owner = self.renamed[one.queues[0]]
        for queue in self._tail(one):
            made = self.queues[self.renamed[queue]]
            if made.name == owner or made.workers_of == owner:
                continue
            if queue in self.first or made.workers_of is not None:
                message = f"its workers no longer help with {queue}: in queues.yaml a queue has the workers of one"
                self._tell(one, "Q640", message, f"give {queue} more workers if it needs them", queue)
                made.notes.append(f"{one.place} helped with it, after {one.queues[0]}")
                continue
            made.workers_of = owner
            made.settings = self._inherited(one, queue)

    def _inherited(self, one: Listener, queue: str) -> dict[str, Any]:
        """The settings of a job that it has on this queue as on the first; a worker's own are not repeated."""
        routing = self.configs.get(one.config or "")
        if routing and queue in routing.queues:
            settings = dict(_of(routing.queues[queue]))
        else:
            settings = self.queues[self.renamed[one.queues[0]]].settings
        return {key: value for key, value in settings.items() if key not in keys.OF_THE_WORKER}

    def _tell(self, one: Listener, code: str, message: str, hint: str = "", queue: str | None = None) -> None:
        found = at(one.program, "command", code, message, "warning", hint, queue)
        self.problems.append(replace(found, severity="warning"))


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in range(2, 10_000):
        yield f"{name}-{number}"


def _of(queue: Queue) -> Iterator[tuple[str, Any]]:
    """Its settings, by the keys of queues.yaml."""
    for key in keys.Settings.model_fields:
        value = getattr(queue, key)
        yield key, "auto" if key == "prefetch" and value is None else value


def _laravel(one: Listener, notes: list[str]) -> Iterator[tuple[str, Any]]:
    """The settings of a Laravel worker; what had to be changed goes into `notes`."""
    assert one.worked is not None  # noqa: S101  a listener of the kind "laravel" has it
    options = one.worked.options
    yield "sleep", max(_or(notes, options["sleep"], BUSY_SLEEP, "sleep 0, which looks without a pause"), 0.001)
    yield "tries", min(_or(notes, options["tries"], MOST_TRIES, "tries 0, which means for ever"), MOST_TRIES)
    yield "timeout", min(_or(notes, float(options["timeout"]), FOR_EVER, "timeout 0, which means none"), units.LONGEST)
    yield "backoff", tuple(min(float(delay), units.LONGEST) for delay in options["backoff"][:100])
    yield "jitter", 0.0
    yield "memory", _or(notes, min(options["memory"] * 1024**2, 1024**5), 1024**2, "memory 0")
    yield "max_time", min(float(options["max-time"]), units.LONGEST)
    yield "max_jobs", min(options["max-jobs"], 1_000_000_000)
    flags = [f"--{name}" for name in sorted(one.worked.flags & {"once", "stop-when-empty", "force", "daemon", "json"})]
    lost = [f"--{name}" for name in DROPPED if name in one.worked.written] + flags
    if lost:
        notes.append(f"dropped: {', '.join(lost)}")


def _or(notes: list[str], value: Any, instead: Any, what: str) -> Any:
    if value:
        return value
    notes.append(f"made from {what}")
    return instead
