"""What a call gives: an instance, what a function returns, a copy, an element."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from qsup.check.python import attributes
from qsup.check.python.annotated import annotated
from qsup.check.python.kinds import (
    Bound,
    Code,
    Face,
    Foreign,
    Group,
    Klass,
    Made,
    Method,
    Missing,
    Nothing,
    Partly,
    Plain,
    Root,
    Row,
    Table,
    Text,
    Unknown,
    Value,
    elements,
)  # fmt: skip
from qsup.check.python.outline import Scope

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator

Ask = Callable[[Value], list[Value]]

COLLECTIONS = {"list", "tuple", "sorted", "reversed", "set", "frozenset", "iter", "filter", "deque", "from_iterable"}
ONE_OF = {"next", "min", "max", "choice", "pop", "popleft", "heappop"}
SAME = {"copy", "deepcopy", "cast", "replace", "wraps", "enter_context"}
NUMBERS = {
    "len",
    "int",
    "float",
    "bool",
    "sum",
    "abs",
    "round",
    "hash",
    "id",
    "ord",
    "repr",
    "isinstance",
    "print",
    "range",
}


def call(ev: Evaluator, node: ast.Call, scope: Scope) -> list[Value]:
    """What `node` may give."""
    return [value for function in ev.follow(node.func, scope) for value in result(ev, function, node, scope)]


def result(ev: Evaluator, function: Value, node: ast.Call, scope: Scope) -> list[Value]:
    """What calling `function` with the arguments of `node` may give."""
    match function:
        case Klass(scope=inner, exact=exact):
            return [Made(Klass(inner), exact)]
        case Root():
            return [Made(Root())]
        case Made(of=of) if isinstance(of, Root):
            return [Made(Root())]
        case Code():
            return returned(ev, function)
        case Face() | Bound() | Plain() | Nothing():
            return [Plain()]
        case Partly(function=inner, call=earlier, scope=where):
            return result(ev, inner, earlier, where)
        case Method(of=of, name=name):
            return _method(of, name)
        case Foreign(standard=True):
            return _standard(ev, function, node, scope)
        case Unknown(why=Missing()):
            return [function]
        case Foreign(module=module, name=name):
            return [Unknown(f"what {name or module} makes shows only when it runs")]
        case _:
            return [Unknown()]


def returned(ev: Evaluator, code: Code) -> list[Value]:
    """What a function returns: by its annotation, else by its return statements."""
    scope, node = code.scope, code.node
    if code.receiver is not None:
        ev.receivers.append((scope, code.receiver))
    try:
        if isinstance(node, ast.Lambda):
            return ev.follow(node.body, scope)
        if node.returns is not None:
            found = annotated(ev, node.returns, scope.outer or scope)
            if not any(isinstance(value, Unknown) for value in found):
                return found
        return list(dict.fromkeys(_by_statements(ev, code)))
    finally:
        if code.receiver is not None:
            ev.receivers.pop()


def _by_statements(ev: Evaluator, code: Code) -> Iterator[Value]:
    homes = code.scope.outline.homes
    yielded: list[Value] = []
    for node in ast.walk(code.node):
        if homes.get(node) is not code.scope:
            continue
        match node:
            case ast.Return(value=ast.expr() as value):
                yield from ev.follow(value, code.scope)
            case ast.Yield(value=ast.expr() as value):
                yielded += ev.follow(value, code.scope)
            case ast.YieldFrom(value=value):
                yielded += [one for found in ev.follow(value, code.scope) for one in elements(found)]
    if yielded:
        yield Group(tuple(dict.fromkeys(yielded)))


def _method(of: Value, name: str) -> list[Value]:
    match of, name:
        case Table(pairs=pairs), "values":
            return [Group(tuple(one for _, column in pairs for one in column))]
        case Table(pairs=pairs), "items":
            return [
                Group(tuple(Row(((Text(key) if key is not None else Unknown(),), column)) for key, column in pairs))
            ]
        case Table(pairs=pairs), ("get" | "pop" | "setdefault"):
            return [one for _, column in pairs for one in column] or [Unknown()]
        case ((Row() | Group()), ("pop" | "popleft")):
            return elements(of) or [Unknown()]
        case _, "copy":
            return [of]
        case ((Plain() | Text() | Nothing()), _):
            return [Plain()]
        case _:
            return [Unknown()]


def _standard(ev: Evaluator, function: Foreign, node: ast.Call, scope: Scope) -> list[Value]:
    """Calls of Python's own functions; what passes its arguments on is followed, of the rest nothing is known."""
    name, arguments = function.name, node.args
    if name == "partial" and arguments:
        return [Partly(inner, node, scope) for inner in ev.follow(arguments[0], scope)]
    if name == "super":
        return _of_super(ev, scope)
    if name == "getattr" and len(arguments) > 1:
        return _getattr(ev, arguments, scope)
    if name == "auto" and function.module == "enum":
        return [Method(Plain(), "auto")]
    if name == "type" and len(arguments) == 1:
        return [_type_of(value) for value in ev.follow(arguments[0], scope)]
    if name in NUMBERS and function.module == "builtins":
        return [Plain()]
    if name == "str" and function.module == "builtins" and arguments:
        return [value if isinstance(value, Text) else Unknown() for value in _texts(ev.follow(arguments[0], scope))]
    return _passed_on(ev, name, node, scope)


def _texts(values: list[Value]) -> list[Value]:
    return [Text(one.text) if getattr(one, "is_text", False) and one.text is not None else one for one in values]  # type: ignore[union-attr]  # of Member


def _passed_on(ev: Evaluator, name: str, node: ast.Call, scope: Scope) -> list[Value]:
    arguments = node.args
    if name == "cast" and len(arguments) == 2:
        return annotated(ev, arguments[0], scope)
    if name in COLLECTIONS:
        every = [one for value in arguments[-1:] for found in ev.follow(value, scope) for one in elements(found)]
        return [Group(tuple(dict.fromkeys(every)))]
    if name == "chain":
        every = [one for value in arguments for found in ev.follow(value, scope) for one in elements(found)]
        return [Group(tuple(dict.fromkeys(every)))]
    if name == "map" and arguments:
        return [Group(tuple(_each_result(ev, arguments, scope)))]
    if name in ("zip", "enumerate"):
        columns = [[one for found in ev.follow(value, scope) for one in elements(found)] for value in arguments]
        columns = [[Plain()], *columns[:1]] if name == "enumerate" else columns
        return [Group((Row(tuple(tuple(column) for column in columns)),))]
    if name in ONE_OF and arguments:
        return [one for found in ev.follow(arguments[0], scope) for one in elements(found)] or [Unknown()]
    if name in SAME and arguments:
        return ev.follow(arguments[0], scope)
    if name in ("dict", "OrderedDict") and not arguments:
        return [Table(tuple((word.arg, tuple(ev.follow(word.value, scope))) for word in node.keywords))]
    return [Unknown()]


def _each_result(ev: Evaluator, arguments: list[ast.expr], scope: Scope) -> Iterator[Value]:
    empty = ast.Call(func=arguments[0], args=[], keywords=[])
    for function in ev.follow(arguments[0], scope):
        yield from result(ev, function, empty, scope)


def _getattr(ev: Evaluator, arguments: list[ast.expr], scope: Scope) -> list[Value]:
    names = ev.follow(arguments[1], scope)
    return [
        found
        for value in ev.follow(arguments[0], scope)
        for name in names
        for found in (attributes.attribute(ev, value, name.text) if isinstance(name, Text) else [Unknown()])
    ]


def _type_of(value: Value) -> Value:
    return Klass(value.of.scope, value.exact) if isinstance(value, Made) and isinstance(value.of, Klass) else Unknown()


def _of_super(ev: Evaluator, scope: Scope) -> list[Value]:
    """`super()`: the instance itself, whose class is the one around."""
    holder = scope.holder
    if holder is None:
        return [Unknown()]
    on = next((klass for method, klass in reversed(ev.receivers) if method is scope), Klass(holder, exact=False))
    return [Made(Klass(on.scope), exact=False)]
