"""The rules that look at several places of queues.yaml at once. Pure: a parsed file in, problems out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from qsup import keys, values
from qsup.check.advice import advice
from qsup.check.problem import Problem, Severity, nearest
from qsup.config import Parsed
from qsup.faults import problem
from qsup.places import Path
from qsup.routing import Queue, Route

LONGEST_CHAIN = 10
"""Queues of a chain of `workers_of` that are followed and named; a longer one is told as a chain, circle or not."""

MOST_WORKERS = 1024
"""The board's capacity (qsup.board.CAPACITY, which a pure module does not import)."""

PASSWORD = re.compile(r"://[^/@]*:[^/@]+@|\bpassword\s*=")


def check(parsed: Parsed) -> list[Problem]:
    """Every break of a rule, and what is worth a warning or a note."""
    if not parsed.tree.readable:
        return []
    rules = _Rules(parsed)
    return [
        *advice(parsed),
        *rules.names(),
        *rules.some_queue(),
        *rules.database(),
        *rules.size(),
        *(found for queue in parsed.routing.queues.values() for found in rules.queue(queue)),
        *(found for route in parsed.routing.routes.values() for found in rules.route(route)),
    ]


class _Rules:
    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.tree = parsed.tree
        self.queues = parsed.routing.queues
        self.routes = parsed.routing.routes
        self.faulty = {
            path[1]
            for path in parsed.broken
            if path[:1] == ("queues",)
            and len(path) > 1
            and path[2:3] not in {(key,) for key in keys.Settings.model_fields}
        }

    def names(self) -> Iterator[Problem]:
        for section, pattern, what in (
            ("queues", values.QUEUE_NAME, "letters, digits, `.`, `_` and `-`, at most 63, the first a letter or digit"),
            ("jobs", values.JOB_NAME, "a class name: letters, digits and `_`, at most 128"),
        ):
            for name in self._names_in(section):
                if not re.fullmatch(pattern, name, re.ASCII):
                    message = f'"{name[:80]}" cannot be the name of a {section[:-1]}, expected {what}'
                    yield self._error("Q018", message, (section, name), at_key=True)

    def _names_in(self, section: str) -> list[str]:
        value = self.tree.value.get(section) if isinstance(self.tree.value, dict) else None
        return list(value) if isinstance(value, dict) else []

    def some_queue(self) -> Iterator[Problem]:
        if not self.queues and ("queues",) not in self.parsed.broken and not self._unusable():
            yield self._error("Q014", "no queue is declared, expected at least one", ("queues",))

    def _unusable(self) -> bool:
        return () in self.parsed.broken

    def size(self) -> Iterator[Problem]:
        workers = sum(queue.workers for queue in self.queues.values())
        if workers > MOST_WORKERS:
            message = f"the file declares {workers:,} workers, expected at most {MOST_WORKERS:,} for one supervisor"
            yield self._error(
                "Q112", message, ("queues",), at_key=True, hint="split the queues over several files and hosts"
            )

    def database(self) -> Iterator[Problem]:
        if self.tree.says("database") and self.tree.says("database_file"):
            yield self._error("Q023", "`database` and `database_file` are both given, expected one", ("database_file",))
        if PASSWORD.search(self._text("database")):
            message = "the password of the database stands in the file"
            yield self._note("Q111", "warning", message, ("database",), "use `database_file:` or ${VAR}")

    def _text(self, *path: str) -> str:
        spot = self.tree.spots.get(path)
        return (spot.text or "") if spot else ""

    def queue(self, queue: Queue) -> Iterator[Problem]:
        if queue.workers_of is not None:
            yield from self._served_by_another(queue, queue.workers_of)
        elif self.server(queue.name) is None and not self._jobs_on(queue.name) and not self._unsure(queue.name):
            message = f"queue {queue.name} has no workers: what is dispatched to it is refused"
            yield self._note("Q108", "warning", message, ("queues", queue.name), "give it `workers:` or `workers_of:`")
        if self.server(queue.name) and not self._jobs_on(queue.name) and not self._unsure(queue.name):
            yield self._note("Q109", "info", f"queue {queue.name} has no job yet", ("queues", queue.name))

    def _served_by_another(self, queue: Queue, other: str) -> Iterator[Problem]:
        path: Path = ("queues", queue.name, "workers_of")
        if self.tree.says("queues", queue.name, "workers"):
            message = f"queue {queue.name} has both `workers` and `workers_of`, expected one of them"
            yield self._error("Q106", message, path, at_key=True)
        if other == queue.name:
            yield self._error("Q104", f"queue {queue.name} cannot be served by the workers of itself", path)
        elif other not in self.queues:
            message = f"`workers_of` names {other}, which is not declared"
            yield self._error("Q103", message, path, hint=nearest(other, self.queues))
        elif self.queues[other].workers_of is not None:
            yield self._chain(queue, other, path)
        elif self.server(queue.name) is None and not self._jobs_on(queue.name) and not self._unsure(other):
            message = f"`workers_of` names {other}, which has no workers"
            yield self._note("Q108", "warning", message, path, at_key=False)
        yield from self._without_effect(queue)

    def _chain(self, queue: Queue, other: str, path: Path) -> Problem:
        names = [queue.name, other]
        after = self.queues[other].workers_of
        while after in self.queues and after is not None and after not in names and len(names) < LONGEST_CHAIN:
            names.append(after)
            after = self.queues[after].workers_of
        if after in names:
            message = f"`workers_of` goes round in a circle: {' → '.join([*names, after])}"
        else:
            message = f"`workers_of` names {other}, which itself has `workers_of`, expected a queue with workers"
        hint = f"did you mean {names[-1]}?" if after is None else ""
        return self._error("Q105", message, path, hint=hint)

    def _without_effect(self, queue: Queue) -> Iterator[Problem]:
        for key in keys.OF_THE_WORKER:
            if self.tree.says("queues", queue.name, key):
                message = f"`{key}` of queue {queue.name} has no effect: the workers of {queue.workers_of} serve it"
                yield self._note("Q110", "warning", message, ("queues", queue.name, key))

    def route(self, route: Route) -> Iterator[Problem]:
        path: Path = ("jobs", route.job, "queue")
        if route.queue not in self.queues:
            if ("queues",) not in self.parsed.broken and not self._unusable():
                message = f"job {route.job} goes to queue {route.queue}, which is not declared"
                yield self._error("Q101", message, path, hint=nearest(route.queue, self.queues))
        elif self.server(route.queue) is None and not self._unsure(route.queue):
            message = f"job {route.job} goes to queue {route.queue}, which has no workers: it would never run"
            hint = f"give {route.queue} `workers:` or `workers_of:`"
            yield self._error("Q102", message, path, hint=hint)

    def server(self, name: str) -> str | None:
        """As Routing.server, for files whose `workers_of` may name anything."""
        queue = self.queues.get(name)
        if queue is not None and queue.workers_of is not None:
            queue = self.queues.get(queue.workers_of)
        return queue.name if queue is not None and queue.workers > 0 else None

    def _jobs_on(self, queue: str) -> bool:
        return any(route.queue == queue for route in self.routes.values())

    def _unsure(self, name: str) -> bool:
        """True when what makes a queue served is itself wrong, or perhaps misspelt: one mistake, one problem."""
        other = self.queues[name].workers_of
        if other is None:
            return name in self.faulty
        bad_link = other not in self.queues or self.queues[other].workers_of is not None
        return bad_link or name in self.faulty or other in self.faulty

    def _error(self, code: str, message: str, path: Path, *, hint: str = "", at_key: bool = False) -> Problem:
        place = self.tree.key(*path) if at_key else self.tree.at(*path)
        return problem(code, message, path, self.tree, place, hint)

    def _note(
        self, code: str, severity: Severity, message: str, path: Path, hint: str = "", *, at_key: bool = True
    ) -> Problem:
        return replace(self._error(code, message, path, hint=hint, at_key=at_key), severity=severity)
