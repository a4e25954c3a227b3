"""What an annotation says that a value is: classes, unions, optional ones, collections of them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from qsup.check.python.kinds import (
    Code,
    Foreign,
    Group,
    Klass,
    Made,
    Missing,
    Nothing,
    Plain,
    Root,
    Row,
    Table,
    Unknown,
    Value,
)
from qsup.check.python.outline import Scope

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator

MANY = {
    "list", "set", "frozenset", "tuple", "deque", "List", "Set", "FrozenSet", "Tuple", "Deque", "Sequence", "Iterable",
    "Iterator", "Collection", "MutableSequence", "AbstractSet", "AsyncIterable", "AsyncIterator", "KeysView",
    "ValuesView", "Generator", "AsyncGenerator", "Container", "Reversible", "MutableSet",
}  # fmt: skip
TABLES = {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"}
WRAPPERS = {"Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "Awaitable", "Coroutine"}
OPEN = {"Any", "object", "TypeVar"}


def annotated(ev: Evaluator, node: ast.expr, scope: Scope) -> list[Value]:
    """The values that an annotation allows; also the second argument of isinstance, or a class pattern."""
    match node:
        case ast.Constant(value=None):
            return [Nothing()]
        case ast.Constant(value=str(text)):
            return _quoted(ev, text, node, scope)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return [*annotated(ev, left, scope), *annotated(ev, right, scope)]
        case ast.Tuple(elts=items):
            return [value for item in items for value in annotated(ev, item, scope)]
        case ast.Subscript(value=outer, slice=inner):
            return _generic(ev, outer, inner, scope)
        case ast.Name() | ast.Attribute():
            return [value for found in ev.follow(node, scope) for value in _instance(ev, found, node, scope)]
        case _:
            return [Unknown()]


def _quoted(ev: Evaluator, text: str, node: ast.expr, scope: Scope) -> list[Value]:
    try:
        found = ast.parse(text.strip(), mode="eval").body
        for inner in ast.walk(found):
            # What is told of it is told of the text.
            ast.copy_location(inner, node)
        return annotated(ev, found, scope)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [Unknown()]


def _generic(ev: Evaluator, outer: ast.expr, inner: ast.expr, scope: Scope) -> list[Value]:
    name = outer.attr if isinstance(outer, ast.Attribute) else outer.id if isinstance(outer, ast.Name) else ""
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    parts = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is ...)]
    if name in ("Union", "Optional"):
        none: list[Value] = [Nothing()] if name == "Optional" else []
        return [*(value for part in parts for value in annotated(ev, part, scope)), *none]
    if name in WRAPPERS and parts:
        return annotated(ev, parts[-1] if name == "Coroutine" else parts[0], scope)
    if name in ("type", "Type") and parts:
        return [_class_of(value) for value in annotated(ev, parts[0], scope)]
    if name in ("tuple", "Tuple") and len(parts) > 1:
        return [Row(tuple(tuple(annotated(ev, part, scope)) for part in parts))]
    if name in MANY and parts:
        return [Group(tuple(annotated(ev, parts[0], scope)))]
    if name in TABLES and len(parts) == 2:
        return [Table(((None, tuple(annotated(ev, parts[1], scope))),))]
    return annotated(ev, outer, scope) if isinstance(outer, ast.Name | ast.Attribute) else [Unknown()]


def _class_of(value: Value) -> Value:
    if isinstance(value, Unknown) and isinstance(value.why, Missing):
        return value
    return Klass(value.of.scope, exact=False) if isinstance(value, Made) and isinstance(value.of, Klass) else Unknown()


def _instance(ev: Evaluator, found: Value, node: ast.expr, scope: Scope) -> list[Value]:
    match found:
        case Klass():
            return [Made(Klass(found.scope), exact=False)]
        case Root():
            return [Made(Root(), exact=False)]
        case Foreign(name="Self", standard=True) | Foreign(module="typing_extensions", name="Self"):
            holder = scope.holder
            return [Made(Klass(holder), exact=False)] if holder else [Unknown()]
        case Foreign(name=name, standard=True):
            return [Unknown() if name in OPEN else Plain()]
        case Foreign():
            return [_of_foreign(found)]
        case Code():
            return [Unknown()]
        case Unknown(why=Missing()):
            return [found]
        case _:
            return _alias(ev, node, scope)


def _of_foreign(found: Foreign) -> Value:
    return Unknown(f"whether {found.name} of {found.module} is a job class shows only when it runs")


def _alias(ev: Evaluator, node: ast.expr, scope: Scope) -> list[Value]:
    """A name that stands for an annotation (`Payment = ChargeJob | RefundJob`), or for a TypeVar with its bound."""
    home = scope
    while isinstance(node, ast.Name):
        current: Scope | None = home
        while current is not None and node.id not in current.names:
            current = current.outer
        if current is None:
            return [Unknown()]
        value = current.names[node.id][-1].value
        if not isinstance(value, ast.expr):
            return [Unknown()]
        node, home = value, current
    if isinstance(node, ast.Call):
        bounds = [word.value for word in node.keywords if word.arg == "bound"] or node.args[1:]
        return [value for bound in bounds for value in annotated(ev, bound, home)] or [Unknown()]
    return annotated(ev, node, home) if isinstance(node, ast.BinOp | ast.Subscript) else [Unknown()]
