"""Numbers of queues.yaml that are allowed and probably not meant: notes and warnings of Q113 to Q118. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qsup import units
from qsup.check.problem import Problem, Severity
from qsup.config import Parsed
from qsup.faults import problem
from qsup.places import Path
from qsup.routing import Queue

MUCH_MEMORY = 1 << 30
"""Bytes of all workers' limits together from which their sum is worth a note."""
OTHERS = 3
"""Connections besides the workers': the courier's, the supervisor's migration and declaration, an operator's."""
RESERVE = 3
"""PostgreSQL's superuser_reserved_connections, which no worker gets."""


def advice(parsed: Parsed) -> Iterator[Problem]:
    """Everything that is worth a note, in no order."""
    if not parsed.tree.readable:
        return
    notes = _Notes(parsed)
    yield from notes.unused_waits()
    yield from notes.memory()
    for queue in parsed.routing.queues.values():
        yield from notes.traps(queue)


@dataclass(frozen=True, slots=True)
class _Notes:
    parsed: Parsed

    def unused_waits(self) -> Iterator[Problem]:
        """Waits of a written backoff that no job can come to: n tries have n - 1 waits between them."""
        for path, backoff, tries in self._written():
            most = max(tries)
            if len(backoff) >= most:
                hint = f"the last would need `tries: {len(backoff) + 1}`"
                yield self._note("Q113", "info", _unused(most, len(backoff)), path, hint)

    def _written(self) -> Iterator[tuple[Path, tuple[float, ...], list[int]]]:
        """Each backoff of the file as a list, with the tries of everything that uses it."""
        routing, says = self.parsed.routing, self.parsed.tree.says
        for queue in routing.queues.values():
            if says("queues", queue.name, "backoff"):
                yield ("queues", queue.name, "backoff"), queue.backoff, self._tries_on(queue)
        for route in routing.routes.values():
            if route.backoff is not None and route.queue in routing.queues:
                tries = routing.queues[route.queue].tries if route.tries is None else route.tries
                yield ("jobs", route.job, "backoff"), route.backoff, [tries]
        heirs = [queue for queue in routing.queues.values() if not says("queues", queue.name, "backoff")]
        if says("defaults", "backoff") and heirs:
            every = [tries for queue in heirs for tries in self._tries_on(queue)]
            yield ("defaults", "backoff"), heirs[0].backoff, every

    def _tries_on(self, queue: Queue) -> list[int]:
        routes = [route for route in self.parsed.routing.routes.values() if route.queue == queue.name]
        own = [route.tries for route in routes if route.tries is not None and route.backoff is None]
        return [queue.tries, *own]

    def memory(self) -> Iterator[Problem]:
        """What all workers together may come to: only the machine knows whether it has that."""
        total = sum(queue.workers * queue.memory for queue in self.parsed.routing.queues.values())
        if total >= MUCH_MEMORY:
            workers = sum(queue.workers for queue in self.parsed.routing.queues.values())
            message = f"{workers} workers at their `memory` limits come to {units.written_size(total)}"
            yield self._note("Q114", "info", message, ("queues",), "the machine needs that, and PostgreSQL's beside it")

    def traps(self, queue: Queue) -> Iterator[Problem]:
        """What a queue's numbers do together and none of them says alone."""
        if queue.workers and queue.max_time and queue.max_time < queue.timeout:
            text = f"{units.written(queue.max_time)} are less than its timeout of {units.written(queue.timeout)}"
            message = f"workers of {queue.name} are replaced after one long job: `max_time` of {text}"
            yield from self._said(queue, ("max_time", "timeout"), "Q115", message, "raise `max_time`")
        if queue.workers and queue.memory < 32 << 20:
            message = f"`memory` of {queue.name} is less than an empty worker has: each job costs one"
            yield from self._said(queue, ("memory",), "Q116", message, "64MB is a small worker")

    def _said(self, queue: Queue, keys: tuple[str, ...], code: str, message: str, hint: str) -> Iterator[Problem]:
        for key in keys:
            for path in (("queues", queue.name, key), ("defaults", key)):
                if self.parsed.tree.says(*path):
                    yield replace(self._note(code, "warning", message, path, hint), queue=queue.name)
                    return

    def _note(self, code: str, severity: Severity, message: str, path: Path, hint: str) -> Problem:
        place = self.parsed.tree.key(*path)
        return replace(problem(code, message, path, self.parsed.tree, place, hint), severity=severity)


def _unused(tries: int, waits: int) -> str:
    with_tries = "one try" if tries == 1 else f"{tries} tries"
    used = {1: "none", 2: "only the first"}.get(tries, f"only the first {tries - 1}")
    return f"with {with_tries} {used} of {waits} {'wait is' if waits == 1 else 'waits are'} ever used"


def connections(parsed: Parsed, most: int, reserved: int = RESERVE) -> list[Problem]:
    """Whether the workers' connections fit into a server with `max_connections = most`.

    A worker has one where its handlers ask for `ctx.transaction()`; the whole supervisor has `OTHERS` besides.
    """
    workers = sum(queue.workers for queue in parsed.routing.queues.values())
    need, has = workers + OTHERS, most - reserved
    if need <= has:
        return []
    message = (
        f"{workers} workers and qsup itself may open {need} connections, but the server has {has} for all its users"
    )
    hint = "raise max_connections, or lower `workers`"
    place = parsed.tree.key("queues")
    return [replace(problem("Q117", message, ("queues",), parsed.tree, place, hint), severity="warning")]
