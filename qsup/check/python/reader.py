"""The dispatch sites of one module: calls of `dispatch` and `dispatch_many`, and references that are passed on."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from qsup.check.python import misspelt
from qsup.check.python.classes import Classes, Job
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import (
    ANY_VALUE,
    Bound,
    Face,
    Foreign,
    Member,
    Missing,
    Nothing,
    Partly,
    Row,
    Table,
    Text,
    Unknown,
    Value,
    Written,
    elements,
)  # fmt: skip
from qsup.check.python.outline import Outline, Scope
from qsup.check.skimmer import PUBLIC, says_dispatch

ANY_QUEUE = "which queue it is shows only when it runs"
Queue = tuple[str | None, str, Written]
"""The queue, why it is not known, and where its name stands."""
NO_QUEUE: Queue = (None, "", None)
NO_JOB = "what is dispatched here is no job"


@dataclass(frozen=True, slots=True)
class Sent:
    """One job that one place dispatches: as a Site, but with its syntax node."""

    node: ast.AST
    job: str
    queue: str | None
    why: str
    unclear_queue: bool = False
    written: Written = field(default=None, compare=False)
    """Where the queue's name stands."""
    at: tuple[int, int] | None = None
    """The line and column, from 1, of what stands further down in the node's text."""


@dataclass(slots=True)
class Arguments:
    """What is given to a call, over all its functools.partial."""

    positional: list[tuple[ast.expr, Scope]] = field(default_factory=list)
    named: list[tuple[str | None, ast.expr, Scope]] = field(default_factory=list)

    @staticmethod
    def of(node: ast.Call, scope: Scope, skipped: int = 0) -> Arguments:
        """Those of one call."""
        return Arguments(
            [(value, scope) for value in node.args[skipped:]],
            [(word.arg, word.value, scope) for word in node.keywords],
        )

    def after(self, earlier: Arguments) -> Arguments:
        """With those that a partial was given before."""
        return Arguments(earlier.positional + self.positional, self.named + earlier.named)

    def first(self, name: str) -> tuple[ast.expr, Scope] | None:
        """The first one, or the one called `name`."""
        if self.positional:
            return self.positional[0]
        return next(((value, scope) for word, value, scope in self.named if word == name), None)


@dataclass(slots=True)
class Reader:
    """Reads one module; `suspects` are the names by which it may call dispatch."""

    ev: Evaluator
    classes: Classes
    outline: Outline
    routed: Collection[str]
    suspects: Collection[str] = PUBLIC

    def read(self) -> Iterator[Sent]:
        """Every site, in no order."""
        for node, scope in self.outline.called():
            if isinstance(node, ast.Call):
                yield from self._call(node, scope)
            elif isinstance(node, ast.Return) and node.value is not None:
                yield from self._passed(node.value, scope, None)

    def _call(self, node: ast.Call, scope: Scope) -> Iterator[Sent]:
        wraps = False
        if mentions(node.func, self.suspects):
            for value in self.ev.values(node.func, scope) or self._nothing(node.func):
                yield from self._invoked(value, Arguments.of(node, scope), node)
        elif misspelt.is_like(_name(node.func)):
            why = misspelt.call(self.ev, node, scope)
            yield from [Sent(node, "", None, why)] if why else []
        elif _name(node.func) == "partial":
            wraps = any(isinstance(one, Foreign) and one.standard for one in self.ev.values(node.func, scope))
        if not wraps:
            for argument in [*node.args, *(word.value for word in node.keywords)]:
                yield from self._passed(argument, scope, node)

    def _nothing(self, function: ast.expr) -> list[Value]:
        """For a call of what leads round in a circle, or nowhere."""
        return [Bound(Unknown())] if _name(function) in PUBLIC else []

    def _invoked(self, value: Value, given: Arguments, node: ast.AST) -> Iterator[Sent]:
        match value:
            case Face(name="dispatch"):
                yield from self._sent(self._jobs(given.first("job"), many=False), given, node)
            case Face():
                yield from self._sent(self._jobs(given.first("jobs"), many=True), given, node)
            case Bound(job=job):
                yield from self._sent(self.classes.jobs(job, self.routed), given, node)
            case Partly(function=function, call=call, scope=where):
                yield from self._invoked(function, given.after(Arguments.of(call, where, skipped=1)), node)
            case Unknown() | Foreign(standard=False):
                named = node.func if isinstance(node, ast.Call) else node
                if isinstance(named, ast.Name) and named.id in PUBLIC:
                    why = getattr(value, "why", "")
                    reason = why if isinstance(why, Missing) else f"what {named.id} is shows only when it runs"
                    yield from self._sent([("", reason)], given, node)

    def _passed(self, argument: ast.expr, scope: Scope, call: ast.Call | None) -> Iterator[Sent]:
        """`submit(job.dispatch)`, `submit(qsup.dispatch, job)`, `call_later(5, partial(qsup.dispatch, job))`."""
        if not isinstance(argument, ast.Name | ast.Attribute | ast.Call) or not mentions(argument, self.suspects):
            return
        for value in self.ev.values(argument, scope):
            match value:
                case Bound() if not isinstance(argument, ast.Call):
                    yield from self._invoked(value, Arguments(), argument)
                case Partly():
                    yield from self._invoked(value, Arguments(), argument)
                case Face(name=name) if call is not None:
                    given = self._following(argument, call, scope)
                    yield from self._face_passed(name, given, _name(call.func) == "map", call)
                case Face():
                    yield Sent(argument, "", None, ANY_VALUE)

    def _following(self, argument: ast.expr, call: ast.Call, scope: Scope) -> Arguments:
        if argument in call.args:
            rest = call.args[call.args.index(argument) + 1 :]
            return Arguments([(value, scope) for value in rest], [(w.arg, w.value, scope) for w in call.keywords])
        values = next((word.value for word in call.keywords if word.arg == "args"), None)
        items = values.elts if isinstance(values, ast.Tuple | ast.List) else []
        return Arguments([(value, scope) for value in items])

    def _face_passed(self, name: str, given: Arguments, each: bool, node: ast.Call) -> Iterator[Sent]:
        many = (name == "dispatch_many") != each
        yield from self._sent(self._jobs(given.first("job"), many=many), given, node)

    def _jobs(self, argument: tuple[ast.expr, Scope] | None, *, many: bool) -> list[Job]:
        if argument is None:
            return [("", ANY_VALUE)]
        values = self.ev.values(*argument)
        if many:
            values = [one for value in values for one in elements(value)]
            if not values and self._is_empty(argument):
                return []
        found = [job for value in dict.fromkeys(values) for job in self._certainly(value)]
        return list(dict.fromkeys(found)) or [("", ANY_VALUE)]

    def _is_empty(self, argument: tuple[ast.expr, Scope]) -> bool:
        return any(isinstance(value, Row) and not value.columns for value in self.ev.values(*argument))

    def _certainly(self, value: Value) -> list[Job]:
        if isinstance(value, Nothing):
            return []
        return self.classes.jobs(value, self.routed) or [("", NO_JOB)]

    def _sent(self, jobs: list[Job], given: Arguments, node: ast.AST) -> Iterator[Sent]:
        for queue, unclear, written in self._queues(given) if jobs else []:
            for job, why in jobs:
                yield Sent(node, job, queue, why or unclear, bool(unclear), written)

    def _queues(self, given: Arguments) -> list[Queue]:
        for word, value, scope in given.named:
            if word == "queue":
                return list(dict.fromkeys(_queue(one) for one in self.ev.values(value, scope)))
            if word is None:
                return self._in_options(value, scope)
        return [NO_QUEUE]

    def _in_options(self, value: ast.expr, scope: Scope) -> list[Queue]:
        """`**options`: a dict that the source shows in full, or nobody knows."""
        found: list[Queue] = []
        for options in self.ev.values(value, scope):
            if not isinstance(options, Table) or any(key is None for key, _ in options.pairs):
                return [(None, ANY_QUEUE, None)]
            queues = [_queue(one) for key, column in options.pairs if key == "queue" for one in column]
            found += queues or [NO_QUEUE]
        return list(dict.fromkeys(found))


def _queue(value: Value) -> Queue:
    match value:
        case Text(text=text, written=written) | Member(text=str(text), is_text=True, written=written):
            return text, "", written
        case Nothing():
            return NO_QUEUE
        case Unknown(why=Missing() as why):
            return None, why, None
        case _:
            return None, ANY_QUEUE, None


def mentions(node: ast.AST, names: Collection[str]) -> bool:
    """Whether one of the names is in the expression, as a name, an attribute or the text that getattr takes."""
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                if name in names:
                    return True
    return False


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")


def suspects(outline: Outline, exported: Collection[str] = PUBLIC) -> set[str]:
    """The names in the module that may stand for dispatch, or for a function that returns it."""
    names, makers = {*PUBLIC, *exported}, set[str]()
    for scope in outline.scopes.values():
        for name, bindings in scope.names.items():
            if any(binding.imported and binding.imported.name in exported for binding in bindings):
                names.add(name)
    size = 0
    while size != len(names) + len(makers):
        size = len(names) + len(makers)
        for node in outline.statements:
            match node:
                case ast.Assign(targets=targets, value=value) if _refers(value, names, makers):
                    names |= {one for target in targets for one in _bound_names(target)}
                case ast.AnnAssign(target=target, value=ast.expr() as value) if _refers(value, names, makers):
                    names |= set(_bound_names(target))
                case ast.NamedExpr(target=ast.Name(id=name), value=value) if _refers(value, names, makers):
                    names.add(name)
                case ast.Return(value=ast.expr() as value) if _refers(value, names, makers):
                    makers |= _function_around(outline, node)
    return names | makers


def _refers(node: ast.expr, names: Collection[str], makers: Collection[str]) -> bool:
    """Whether the expression has dispatch itself in it, not only the id that calling it gives."""
    waiting: list[ast.AST] = [node]
    while waiting:
        match waiting.pop():
            case ast.Call(func=function, args=given, keywords=words):
                called = _name(function)
                if called in makers:
                    return True
                waiting += [*given, *words]
                waiting += [function] if called not in names else [getattr(function, "value", ast.Pass())]
            case ast.Name(id=name) if name in names:
                return True
            case ast.Attribute(attr=name) | ast.Constant(value=str(name)) if name in names:
                return True
            case ast.Constant(value=text) if says_dispatch(text):
                # A statement or a command line, which another module may run.
                return True
            case ast.Lambda():
                # Its own calls are looked at where they stand.
                pass
            case other:
                waiting += ast.iter_child_nodes(other)
    return False


def _bound_names(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _function_around(outline: Outline, node: ast.AST) -> set[str]:
    scope = outline.homes[node].node
    return {scope.name} if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else set()
