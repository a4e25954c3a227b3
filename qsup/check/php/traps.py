"""What a careful reader notices in a class that is queued, where the code makes it certain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qsup.check.php.application import Application
from qsup.check.php.classes import Class
from qsup.check.php.kinds import Kinds
from qsup.check.php.numbers import Given, number
from qsup.check.php.own import NOTHING, Own
from qsup.check.php.syntax import children, place, text
from qsup.check.php.terms import Listed
from qsup.check.problem import Problem, Severity

if TYPE_CHECKING:
    from tree_sitter import Node

    from qsup.check.php.calls import Calls

QUEUEABLE = ("Illuminate\\Bus\\Queueable", "Illuminate\\Foundation\\Queue\\Queueable")
INSTEAD = {"queue": "$this->onQueue(…)", "connection": "$this->onConnection(…)", "delay": "$this->delay(…)"}
"""Properties that Queueable declares as `public $x;`, and what sets them."""


def of_class(one: Class, app: Application, kinds: Kinds, own: Own) -> Iterator[Problem]:
    """The traps in one class."""
    yield from _beside_queueable(one, app)
    kind = kinds.of(one)
    if not kind or one.abstract():
        return
    if kind in ("job", "listener"):
        yield from _lease(one, app, own, constructed=kind == "job")
        yield from _tries(one, app)
    if kind == "listener":
        yield from _constructor(one, own)


def of_calls(calls: Calls) -> Iterator[Problem]:
    """The calls whose `onQueue` does nothing, and those that do not ask the job's class for its queue."""
    for site, lost in calls.ignored:
        yield Problem(
            code="Q407",
            message=f"{site.job} names queue {lost} for itself, but this call sends it to {site.queue}",
            hint="batches and Queue::push ask no job for its queue: name it here",
            severity="warning",
            path=str(site.file),
            line=site.line,
            column=site.column,
            queue=lost,
            job=site.job,
        )
    for node, job in calls.silent:
        name = job.name.rpartition("\\")[2]
        message = f"{name} does not implement ShouldQueue: it runs here and now, and the queue named here means nothing"
        hint = "implement Illuminate\\Contracts\\Queue\\ShouldQueue, or take the queue away"
        line, column = place(node)
        path = str(calls.file.path)
        yield Problem(
            code="Q411", message=message, hint=hint, severity="warning", path=path, line=line, column=column, job=name
        )


def _beside_queueable(one: Class, app: Application) -> Iterator[Problem]:
    uses = any(name in QUEUEABLE and app.classes.find(name) is None for name in one.traits)
    for name in INSTEAD if uses else ():
        element = one.properties.get(name)
        if element is not None and element.type == "property_element" and _differs(element):
            message = (
                f"${name} stands beside `use Queueable`, which declares it differently: PHP cannot load {one.short}"
            )
            hint = (
                f"set it in the constructor: $this->on{name.title()}(…)" if name != "delay" else "use $this->delay(…)"
            )
            yield _problem("Q406", message, (None, element, one), one, hint)


def _differs(element: Node) -> bool:
    """True unless it is exactly `public $x;` or `= null`, which PHP takes as the trait's own."""
    value, declaration = element.child_by_field_name("default_value"), element.parent
    typed = declaration is not None and declaration.child_by_field_name("type") is not None
    hidden = declaration is not None and any(
        text(part).lower() in ("private", "protected") for part in children(declaration, "visibility_modifier")
    )
    return typed or hidden or (value is not None and value.type != "null")


def _lease(one: Class, app: Application, own: Own, *, constructed: bool) -> Iterator[Problem]:
    given = number(one, "timeout", app)
    names = own.explicit(one, "connection", {}, constructed=constructed)
    if given is None or not isinstance(given[0], int) or len(names) != 1 or names[0].why:
        return
    connection = app.connections.get(names[0].name) if names[0].name else app.usual()
    after = connection.retry_after if connection is not None and connection.name else None
    if connection is None or after is None or 0 < given[0] < after:
        return
    takes = f"may run for {given[0]} s" if given[0] else "may run without end ($timeout = 0)"
    message = f"{one.short} {takes}, but connection {connection.name} gives it to a second worker after {after} s"
    hint = f"make $timeout less than retry_after ({after}), or retry_after more"
    yield _problem("Q408", message, given, one, hint, "warning")


def _tries(one: Class, app: Application) -> Iterator[Problem]:
    given, waits = number(one, "tries", app), number(one, "backoff", app)
    if given is None or not isinstance(given[0], int) or isinstance(given[0], bool):
        return
    if given[0] == 0:
        if app.classes.method(one, "retryUntil") is None:
            message = f"{one.short} is tried for ever when it fails: $tries = 0"
            yield _problem("Q409", message, given, one, "expected at least 1", "warning")
        return
    listed = len(waits[0].items) if waits is not None and isinstance(waits[0], Listed) and not waits[0].open else 0
    unused = listed - (given[0] - 1)
    if waits is not None and listed and unused > 0:
        which = "the last delay of $backoff is" if unused == 1 else f"the last {unused} delays of $backoff are"
        message = f"{which} never used: {given[0]} tries have {given[0] - 1} waits between them"
        yield _problem("Q410", message, waits, one, "", "warning")


def _constructor(one: Class, own: Own) -> Iterator[Problem]:
    """Laravel makes a listener without its constructor, so a queue named there counts for nothing."""
    made, bare = own.explicit(one, "queue", {}), own.explicit(one, "queue", {}, constructed=False)
    lost = [name for name in made if name not in bare and name.name]
    if lost and bare == NOTHING and own.evaluate.classes.method(one, "viaQueue") is None:
        message = f"queue {lost[0].name} means nothing: listener {one.short} is made without its constructor"
        path = str(lost[0].file or one.file.path)
        hint = "name it in `public $queue` or in viaQueue()"
        line, column = lost[0].line, lost[0].column
        yield Problem(
            code="Q407",
            message=message,
            hint=hint,
            severity="warning",
            path=path,
            line=line,
            column=column,
            queue=lost[0].name,
            job=one.short,
        )


def _problem(code: str, message: str, given: Given, one: Class, hint: str, severity: Severity = "error") -> Problem:
    line, column = place(given[1])
    path = str(given[2].file.path)
    return Problem(
        code=code,
        message=message,
        hint=hint,
        severity=severity,
        path=path,
        line=line,
        column=column,
        job=one.short,
    )
