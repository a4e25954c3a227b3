"""What a PHP expression dispatches: `new X(…)`, a variable that holds one, a closure, a list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qsup.check.php.application import Application
from qsup.check.php.classes import Class
from qsup.check.php.functions import bind, class_of_type, parameter_type
from qsup.check.php.own import NOTHING, SETTERS, Effects, Names, Own, Setting, named
from qsup.check.php.source import File
from qsup.check.php.syntax import (
    CALLS,
    CLOSURES,
    FUNCTIONS,
    ON_AN_OBJECT,
    arguments,
    bare,
    children,
    first,
    method,
    receiver,
    text,
    within,
)
from qsup.check.php.terms import Values
from qsup.check.php.values import Spot, returns

if TYPE_CHECKING:
    from tree_sitter import Node

CLOSURE = "Closure"
COMMAND = "Illuminate\\Foundation\\Console\\QueuedCommand"
BATCH = "Illuminate\\Bus\\ChainedBatch"
"""What Laravel puts on the queue for a batch that is a link of a chain."""
OF_LARAVEL = (CLOSURE, COMMAND, BATCH)
"""These name no queue of their own."""
WHICH = "which job it is shows only when the program runs"
DEEPEST = 12
"""Variables of variables."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something that may be dispatched. Without a name, `why` says why it is not known."""

    name: str = ""
    one: Class | None = None
    why: str = ""
    queue: Names = NOTHING
    """What was set on the object here, besides what its class does."""
    connection: Names = NOTHING
    given: Mapping[str, Values] = field(default_factory=dict)
    """The constructor's arguments."""
    chain: tuple[Node, ...] = ()
    """The lists handed to `->chain()`."""
    chain_queue: Names = NOTHING


UNKNOWN = Job(why=WHICH)


@dataclass(slots=True)
class Jobs:
    """Reads expressions of one file."""

    app: Application
    own: Own
    file: File
    used: set[int] = field(default_factory=set)
    """The ids of the calls that set a queue of something that is dispatched."""
    depth: int = 0

    def spot(self, node: Node) -> Spot:
        """Where an expression of this file stands."""
        return Spot(self.file, self.app.classes.around(self.file, node))

    def of(self, node: Node | None, *, names: bool = False) -> list[Job]:
        """The jobs that `node` may be; with `names`, a class's name stands for an object of it."""
        if node is None or self.depth > DEEPEST:
            return [UNKNOWN]
        self.depth += 1
        try:
            return list(self._of(bare(node), names))
        finally:
            self.depth -= 1

    def _of(self, node: Node, names: bool) -> Iterator[Job]:
        match node.type:
            case "object_creation_expression":
                yield self._created(node)
            case "anonymous_function" | "arrow_function":
                yield Job(CLOSURE)
            case "conditional_expression":
                body = node.child_by_field_name("body") or node.child_by_field_name("condition")
                yield from self.of(body, names=names)
                yield from self.of(node.child_by_field_name("alternative"), names=names)
            case "binary_expression" if text(node.child_by_field_name("operator")) == "??":
                yield from self.of(node.child_by_field_name("left"), names=names)
                yield from self.of(node.child_by_field_name("right"), names=names)
            case "match_expression":
                for arm in children(node.child_by_field_name("body") or node):
                    value = arm.child_by_field_name("return_expression")
                    if value is not None and value.type != "throw_expression":
                        yield from self.of(value, names=names)
            case "assignment_expression":
                yield from self.of(node.child_by_field_name("right"), names=names)
            case "clone_expression":
                yield from self.of(first(node), names=names)
            case "variable_name":
                yield from self._variable(node)
            case _ if node.type in CALLS:
                yield from self._call(node)
            case _ if names:
                yield from self._by_name(node)
            case _:
                yield UNKNOWN

    def _created(self, node: Node) -> Job:
        inner = first(node)
        if inner is None:
            return UNKNOWN
        if inner.type == "anonymous_class":
            one = self.app.classes.at.get((id(self.file), inner.start_byte))
            return Job(one.name, one) if one else UNKNOWN
        found = self.app.evaluate.named(inner, self.spot(node))
        if found is None:
            return UNKNOWN
        return self.made(found, node)

    def made(self, found: Class | str, call: Node | None) -> Job:
        """An object of the class, made with the arguments of `call`."""
        if isinstance(found, str):
            return Job(found)
        constructor = self.app.classes.method(found, "__construct")
        if constructor is None or call is None:
            return Job(found.name, found)
        holder, node = constructor
        return Job(found.name, found, given=bind(self.app.evaluate, node, arguments(call), self.spot(call), holder))

    def _by_name(self, node: Node) -> Iterator[Job]:
        for value in self.app.evaluate(node, self.spot(node)):
            name = value.partition("@")[0].lstrip("\\") if isinstance(value, str) else ""
            found = self.app.classes.find(name) if name else None
            yield self.made(found or name, None) if name else UNKNOWN

    def _call(self, node: Node) -> Iterator[Job]:
        name, on, given = method(node), receiver(node), arguments(node)
        if node.type == "function_call_expression":
            if name in ("app", "resolve", "tap", "with", "value") and given.placed:
                yield from self.of(given.placed[0], names=name in ("app", "resolve"))
            else:
                yield UNKNOWN
        elif on is None:
            yield UNKNOWN
        elif node.type in ON_AN_OBJECT and name in CHAINED:
            self.used.add(node.id)
            yield from (self._changed(job, name, node) for job in self.of(on))
        elif name == "make" and given.placed and _is_container(on):
            yield from self.of(given.placed[0], names=True)
        else:
            yield from self._returned(node, name, on)

    def _changed(self, job: Job, name: str, call: Node) -> Job:
        value = arguments(call).get(0, "queue", "connection", "chain")
        if value is None:
            return job
        if name == "chain":
            return replace(job, chain=(*job.chain, value))
        names = named(self.app.evaluate(value, self.spot(call)), value, self.file) if name in SETS else NOTHING
        if name == "allonqueue":
            return replace(job, queue=names, chain_queue=names)
        if name == "onqueue":
            return replace(job, queue=names)
        return replace(job, connection=names) if name in SETS else job

    def _returned(self, node: Node, name: str, on: Node) -> Iterator[Job]:
        """What a method of the code returns, by its type; a fluent method of a job gives the job."""
        spot = self.spot(node)
        holder = spot.holder if text(on) == "$this" else None
        if node.type == "scoped_call_expression":
            found = self.app.evaluate.named(on, spot)
            holder = found if isinstance(found, Class) else None
        elif holder is None:
            yield from self._fluent(name, on)
            return
        declared = self.app.classes.method(holder, name) if holder else None
        if holder is None or declared is None:
            yield UNKNOWN
            return
        kind = declared[1].child_by_field_name("return_type")
        if kind is not None and text(kind).lstrip("?").lower() in ("self", "static"):
            yield Job(holder.name, holder)
            return
        type_name = class_of_type(kind)
        full = declared[0].file.full(text(type_name), type_name) if type_name is not None else ""
        one = self.app.classes.find(full) if full else None
        if one is not None and not one.abstract():
            yield Job(one.name, one)
        elif declared[0].file is self.file and (given_back := returns(declared[1])):
            for statement in given_back:
                yield from self.of(first(statement))
        else:
            yield UNKNOWN

    def _fluent(self, name: str, on: Node) -> Iterator[Job]:
        for job in self.of(on):
            declared = self.app.classes.method(job.one, name) if job.one else None
            kind = text(declared[1].child_by_field_name("return_type")).lower() if declared else ""
            fluent = job.one is not None and (declared is None or kind in ("self", "static", ""))
            yield job if fluent else UNKNOWN

    def _variable(self, node: Node) -> Iterator[Job]:
        name = text(node).lstrip("$")
        if name == "this":
            one = self.app.classes.around(self.file, node)
            yield Job(one.name, one) if one else UNKNOWN
            return
        function = scope_of(node, name)
        jobs = [job for value in assigned(function, name, node) for job in self.of(value)]
        typed = parameter_type(function, name)
        if typed is not None:
            full = self.file.full(text(typed), typed)
            one = self.app.classes.find(full)
            jobs = jobs or [Job(full, one) if one and not one.abstract() else UNKNOWN]
        for job in jobs or [UNKNOWN]:
            yield self.mutated(job, function, name, node)

    def mutated(self, job: Job, function: Node, name: str, node: Node) -> Job:
        """The job after what the statements before `node` did to the variable `name` that holds it."""

        def after(setting: Setting, before: Names) -> Names:
            effects = Effects(self.own, setting, name, self.spot(node), until=node.start_byte)
            names = effects.run(function.child_by_field_name("body") or function, before)
            self.used |= {call.id for call in effects.seen}
            return names

        return replace(job, queue=after("queue", job.queue), connection=after("connection", job.connection))


SETS = tuple(setter for setters in SETTERS.values() for setter in setters)
CHAINED = (
    *SETS,
    "chain",
    "delay",
    "aftercommit",
    "beforecommit",
    "through",
    "withoutdelay",
    "locale",
    "to",
    "cc",
    "bcc",
)
"""Methods of Laravel's own traits that give back the job."""


def _is_container(on: Node) -> bool:
    return text(on) in ("App", "$app", "$this->app", "app()", "Container::getInstance()", "\\App")


def scope_of(node: Node, name: str) -> Node:
    """The function in which the variable `name` at `node` lives: a closure that does not own it looks outside."""
    function = within(node, *FUNCTIONS, "program")
    while function is not None and function.type in CLOSURES:
        parameters = function.child_by_field_name("parameters")
        own = any(text(part.child_by_field_name("name")) == f"${name}" for part in children(parameters or function))
        if own or any(True for _ in assigned(function, name, node)):
            return function
        function = within(function, *FUNCTIONS, "program")
    assert function is not None  # noqa: S101  every node is in a program
    return function


def assigned(function: Node, name: str, before: Node) -> Iterator[Node]:
    """The expressions that are assigned to `$name` in a function, those after `before` only when none is before it."""
    found: list[Node] = []
    waiting = [function]
    while waiting:
        node = waiting.pop()
        if node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if text(left) == f"${name}" and right is not None and not _contains(node, before):
                found.append(right)
        waiting += node.named_children
    found.sort(key=lambda node: node.start_byte)
    yield from [node for node in found if node.start_byte < before.start_byte] or found


def _contains(node: Node, other: Node) -> bool:
    return node.start_byte <= other.start_byte and other.end_byte <= node.end_byte
