"""What programs listen to against what code dispatches to and queues.yaml declares, both directions. Pure.

Q611 to Q614, and what a `qsup worker` under supervisord needs of its queues.yaml.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from qsup.check.heard import Heard
from qsup.check.problem import Problem, Severity, nearest
from qsup.check.supervisord.listeners import OWN, Listener, heard_by
from qsup.check.supervisord.rules import at
from qsup.config import Parsed
from qsup.generate.supervisord import stop_wait
from qsup.routing import Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One place in the code that puts a job on a queue which is known."""

    path: str
    line: int
    column: int
    job: str
    queue: str


def served_by(routing: Routing | None) -> Mapping[str, tuple[str, ...]]:
    """The queues that the workers of each queue serve; empty without a queues.yaml."""
    if routing is None:
        return {}
    return {name: routing.pool(name) for name, queue in routing.queues.items() if queue.workers}


def unheard(dispatches: Collection[Dispatch], heard: Heard, listeners: Collection[Listener]) -> Iterator[Problem]:
    """Q611: jobs for queues that nobody listens to. A warning where a listener's queues are not known."""
    unsure = _unsure(listeners)
    waiting = {queue: one for one in listeners if not one.starts for queue in one.queues}
    for one in dispatches:
        if one.queue in heard.queues:
            continue
        message = f"{one.job or 'a job'} is dispatched to {one.queue}, which nobody listens to: it would wait for ever"
        hint = heard.near(one.queue) or _listens(heard)
        if one.queue in waiting:
            hint = f"[{waiting[one.queue].program.section.name}] does, but is not started (autostart=false)"
        yield Problem(
            code="Q611",
            severity="warning" if unsure else "error",
            message=message,
            path=one.path,
            line=one.line,
            column=one.column,
            hint=f"{hint}{unsure}".strip(", "),
            queue=one.queue,
            job=one.job or None,
        )


def _listens(heard: Heard) -> str:
    return "" if heard.queues else "no program listens to any queue"


def _unsure(listeners: Collection[Listener]) -> str:
    names = [one.program.section.name for one in listeners if one.why]
    return f", unless [{names[0]}] does, whose queues are not known" if names else ""


def softened(problem: Problem, listeners: Collection[Listener]) -> Problem:
    """Q401 of PHP code and Q311 of rows, as `unheard` would say it: a warning where a listener is not understood."""
    unsure = _unsure(listeners)
    if problem.code not in ("Q401", "Q311") or not unsure:
        return problem
    return replace(problem, severity="warning", hint=f"{problem.hint}{unsure}".strip(", "))


def unused(listeners: Collection[Listener], used: Collection[str], heard: Heard, *, certain: bool) -> Iterator[Problem]:
    """Q612: programs that listen to queues which nothing dispatches to.

    A warning when a queue that is dispatched to and heard by nobody has nearly the same name; else for information:
    another program may dispatch to it. `certain`: every site of the code could be read.
    """
    lost = [queue for queue in used if queue not in heard.queues]
    for one in listeners:
        for queue in one.queues if not one.why else ():
            if queue in used:
                continue
            hint = nearest(queue, lost)
            message = f"listens to {queue}, but nothing in the code dispatches to it"
            doubt = "" if certain or hint else "unless a site that cannot be read does"
            severity: Severity = "warning" if hint else "info"
            yield at(one.program, "command", "Q612", message, severity, hint or doubt, queue)


def declared(parsed: Parsed, listeners: Collection[Listener]) -> Iterator[Problem]:
    """Q613 and Q614: queues.yaml against the programs, both directions; Q620 for `qsup worker`."""
    routing = parsed.routing
    heard = dict(heard_by(listeners, served_by(routing)))
    unsure = _unsure(listeners)
    ours = any(one.kind != "laravel" and one.kind != "horizon" for one in listeners)
    for name in routing.queues:
        if routing.server(name) is not None and name not in heard:
            place = parsed.tree.key("queues", name)
            yield Problem(
                code="Q613",
                severity="error" if ours and not unsure else "warning",
                message=f"queue {name} is declared with workers, but no program of the supervisord file listens to it",
                path=parsed.tree.path,
                line=place.line,
                column=place.column,
                hint=f"{nearest(name, heard)}{unsure}".strip(", "),
                queue=name,
            )
    for one in listeners:
        yield from _undeclared(one, routing)
        yield from _stop(one, routing)


def _undeclared(one: Listener, routing: Routing) -> Iterator[Problem]:
    for queue in one.queues if not one.why else ():
        if queue not in routing.queues:
            severity: Severity = "error" if one.kind == "qsup" else "warning"
            message = f"listens to {queue}, which queues.yaml does not declare"
            yield at(one.program, "command", "Q614", message, severity, nearest(queue, routing.queues), queue)


def _stop(one: Listener, routing: Routing) -> Iterator[Problem]:
    """Of `qsup worker` what its slot may need, of `qsup run` what the slowest of its workers may need."""
    of_the_file = [name for name, queue in routing.queues.items() if queue.workers]
    queues = [name for name in (of_the_file if one.kind == "qsup run" else one.queues) if name in of_the_file]
    if one.kind not in OWN or not queues:
        return
    slowest = max(queues, key=lambda queue: stop_wait(routing, queue))
    needed, given = stop_wait(routing, slowest), one.program.values["stopwaitsecs"]
    if given < needed:
        message = f"kills a running job {given} s after a stop (stopwaitsecs), but it may need {needed} s"
        hint = f"stopwaitsecs={needed}"
        hint += ", as `qsup gen-supervisor` writes it" if one.kind == "qsup" else f", for queue {slowest}"
        yield at(one.program, "stopwaitsecs", "Q620", message, hint=hint, queue=slowest)
