"""What is put into a list or dict after it was made: `batch.append(…)`, `table[key] = …`; and when nobody can say."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from qsup.check.python.kinds import Group, Row, Table, Unknown, Value, contents, elements
from qsup.check.python.outline import Binding, Outline, Scope

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator

ADD = {"append": 0, "add": 0, "appendleft": 0, "insert": 1, "setdefault": 1}
EXTEND = {"extend", "extendleft", "update"}
READ = {
    "values", "items", "keys", "get", "pop", "popleft", "popitem", "copy", "index", "count", "sort", "reverse", "clear",
    "remove", "discard", "dispatch",
}  # fmt: skip
READERS = """
    dispatch_many dispatch len list sorted tuple enumerate zip print any all bool set reversed iter sum min max chain
    from_iterable filter map isinstance repr str next debug info warning error exception critical log choice partial
    execute run frozenset check_call check_output call Popen
"""
"""Functions that only read what they are given."""
NOT_OURS = ("parameter", "element", "part")
"""Bindings to a collection that was made elsewhere: its annotation, or its home, says what is in it."""
FIXED = (ast.Tuple, ast.GeneratorExp, ast.Constant, ast.JoinedStr)
ELSEWHERE = "what is put into it elsewhere shows only when it runs"


def grown(ev: Evaluator, found: list[Value], bindings: Iterable[Binding], name: str, scope: Scope) -> list[Value]:
    """The values of a variable, with what the uses of its name put into it."""
    if not any(isinstance(value, Row | Group | Table) for value in found):
        return found
    if all(isinstance(binding.value, FIXED) or binding.kind in NOT_OURS for binding in bindings):
        return found
    return grown_by(ev, found, uses_of(scope, name), scope.outline)


def uses_of(scope: Scope, name: str) -> list[ast.Name]:
    """Where the name is read, in the scope and those within."""
    homes = scope.outline.homes
    named = [node for node in homes if isinstance(node, ast.Name) and node.id == name]
    return [node for node in named if isinstance(node.ctx, ast.Load) and _sees(homes[node], scope, name)]


def _sees(home: Scope, owner: Scope, name: str) -> bool:
    current: Scope | None = home
    while current is not None and current is not owner and (name not in current.names or name in current.elsewhere):
        current = current.outer
    return current is owner


def grown_by(ev: Evaluator, found: list[Value], uses: Iterable[ast.expr], outline: Outline) -> list[Value]:
    """The same for any expressions that stand for the collection."""
    if not any(isinstance(value, Row | Group | Table) for value in found):
        return found
    more = [value for use in uses for value in _put_in(ev, use, outline)]
    if not more:
        return found
    return [_with(value, tuple(dict.fromkeys(more))) for value in found]


def _with(value: Value, more: tuple[Value, ...]) -> Value:
    match value:
        case Table(pairs=pairs):
            return Table((*pairs, (None, more)))
        case Row() | Group():
            return Group(tuple(dict.fromkeys([*elements(value), *more])))
        case _:
            return value


def _put_in(ev: Evaluator, use: ast.expr, outline: Outline) -> Iterator[Value]:
    parent = outline.parents.get(use)
    match parent:
        case ast.Attribute(attr=method):
            yield from _by_method(ev, method, outline.parents.get(parent), outline)
        case ast.Subscript(ctx=ast.Store()):
            statement = outline.parents.get(parent)
            if isinstance(statement, ast.Assign):
                yield from ev.follow(statement.value, outline.homes[parent])
            else:
                yield Unknown(ELSEWHERE)
        case ast.Subscript():
            if isinstance(outline.parents.get(parent), ast.Attribute):
                yield from _inner_method(outline.parents[parent])
        case ast.Call(func=function) if use is not function:
            if _last_name(function) not in READERS.split():
                yield Unknown(ELSEWHERE)
        case ast.keyword():
            call = outline.parents.get(parent)
            if not isinstance(call, ast.Call) or _last_name(call.func) not in READERS.split():
                yield Unknown(ELSEWHERE)
        case ast.Assign() | ast.AnnAssign() if not isinstance(getattr(use, "ctx", None), ast.Store):
            yield Unknown(ELSEWHERE)


def _by_method(ev: Evaluator, method: str, call: ast.AST | None, outline: Outline) -> Iterator[Value]:
    if not isinstance(call, ast.Call):
        if method not in READ:
            yield Unknown(ELSEWHERE)
    elif method in ADD and len(call.args) > ADD[method]:
        yield from ev.follow(call.args[ADD[method]], outline.homes[call])
    elif method in EXTEND and len(call.args) == 1:
        for value in ev.follow(call.args[0], outline.homes[call]):
            yield from contents(value)
    elif method not in READ:
        yield Unknown(ELSEWHERE)


def _inner_method(node: ast.AST) -> Iterator[Value]:
    if isinstance(node, ast.Attribute) and (node.attr in ADD or node.attr in EXTEND):
        yield Unknown(ELSEWHERE)


def _last_name(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")
