"""The expanded file: flat queues and routes with every default filled in.

The one place where job class meets queue and handler. `config` makes a Routing; the supervisor, the courier, the
template, the validator and the generators read it, so they cannot disagree. Plain data: it travels between processes
as JSON (`to_dict`, `from_dict`) and its equality says whether an edit changed anything. Times in seconds, sizes in
bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from qsup.outcome import Rules

MARGIN = 10.0
"""Seconds between the last possible moment of a killed worker and the end of its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue with all its settings."""

    name: str
    workers: int
    """Slots of its own; 0 for a queue that another queue's workers serve, or nobody does."""
    workers_of: str | None
    priority: int
    sleep: float
    tries: int
    timeout: float
    backoff: tuple[float, ...]
    jitter: float
    memory: int
    max_time: float
    """0 = no limit."""
    max_jobs: int
    """0 = no limit."""
    grace: float
    max_crashes: int
    prefetch: int | None
    """None = auto."""
    keep: float
    """0 = finished jobs are deleted."""
    start: Literal["fork", "exec"]
    purpose: str

    @property
    def slots(self) -> tuple[str, ...]:
        """The addresses of its workers, `payments:0`, `payments:1` …"""
        return tuple(f"{self.name}:{number}" for number in range(self.workers))

    @property
    def stop_wait(self) -> float:
        """Seconds a stopping worker may need: the longest job, its hard end and the margin."""
        return self.timeout + self.grace + MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the routing table. None = the queue's setting applies."""

    job: str
    queue: str
    handler: str
    failed: str | None = None
    tries: int | None = None
    timeout: float | None = None
    backoff: tuple[float, ...] | None = None


def poll_interval(queues: Iterable[Queue]) -> float:
    """Seconds between looks for ready rows of these queues: the shortest `sleep`, at most one second."""
    return max(0.05, min([1.0, *(queue.sleep for queue in queues)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Everything queues.yaml says, expanded."""

    queues: Mapping[str, Queue]
    routes: Mapping[str, Route]
    payload_limit: int
    database: str | None = field(repr=False)
    """`database:` of the file, None when it is left out. It may hold a password: never printed."""
    code: tuple[str, ...]

    def pool(self, queue: str) -> tuple[str, ...]:
        """The queues that `queue`'s workers serve, in the order they look: its own first, then `workers_of` ones."""
        return (
            queue,
            *(name for name, other in self.queues.items() if self.server(name) == queue and name != queue),
        )

    def server(self, queue: str) -> str | None:
        """The queue whose workers serve `queue`; None when nobody does."""
        declared = self.queues[queue]
        owner = self.queues[declared.workers_of] if declared.workers_of else declared
        return owner.name if owner.workers > 0 else None

    def rules(self, job: str, queue: str) -> Rules:
        """The rules of the moment for `job` on `queue`. An unrouted job (retired) gets the queue's own rules."""
        on, route = self.queues[queue], self.routes.get(job)
        return Rules(
            tries=on.tries if route is None or route.tries is None else route.tries,
            backoff=on.backoff if route is None or route.backoff is None else route.backoff,
            timeout=on.timeout if route is None or route.timeout is None else route.timeout,
            jitter=on.jitter,
            grace=on.grace,
            margin=MARGIN,
            max_crashes=on.max_crashes,
            keep=on.keep,
            failed=None if route is None else route.failed,
        )

    def longest(self, queue: str) -> float:
        """The longest timeout, in seconds, of any job that may run in a slot of `queue`."""
        names = self.pool(queue)
        own = [self.queues[name].timeout for name in names]
        jobs = [route.timeout for route in self.routes.values() if route.queue in names and route.timeout is not None]
        return max(own + jobs)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; `from_dict` reads it back to an equal Routing."""
        return {
            "queues": [asdict(queue) for queue in self.queues.values()],
            "routes": [asdict(route) for route in self.routes.values()],
            "payload_limit": self.payload_limit,
            "database": self.database,
            "code": list(self.code),
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Routing:
        """The Routing that `to_dict` wrote."""
        queues = [Queue(**{**row, "backoff": tuple(row["backoff"])}) for row in data["queues"]]
        routes = [
            Route(**{**row, "backoff": None if row["backoff"] is None else tuple(row["backoff"])})
            for row in data["routes"]
        ]
        return Routing(
            queues={queue.name: queue for queue in queues},
            routes={route.job: route for route in routes},
            payload_limit=data["payload_limit"],
            database=data["database"],
            code=tuple(data["code"]),
        )
