"""What one binding gives its name: the value of an assignment, an item of a loop, a parameter, an import."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from qsup.check.python import attributes, missing
from qsup.check.python.annotated import annotated
from qsup.check.python.kinds import Code, Foreign, Group, Klass, Made, Row, Table, Unknown, Value, elements
from qsup.check.python.outline import Binding, Scope

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator


def given(ev: Evaluator, binding: Binding, scope: Scope) -> list[Value]:
    """The values that `binding` gives to its name in `scope`."""
    match binding.kind, binding.value:
        case "value", ast.AST() as value:
            return _declared(ev, binding, ev.follow(_expr(value), scope), scope)
        case "element", ast.AST() as value:
            return [one for found in ev.follow(_expr(value), scope) for one in elements(found)]
        case "part", ast.AST() as value:
            return _part(ev, binding, _expr(value), scope)
        case "added", ast.AST() as value:
            return [Group(tuple(elements(found))) for found in ev.follow(_expr(value), scope)]
        case "parameter", ast.arg() as parameter:
            return _parameter(ev, parameter, scope)
        case "pattern", ast.AST() as value:
            return annotated(ev, _expr(value), scope)
        case "declared", ast.AST() as value:
            return annotated(ev, _expr(value), scope)
        case "import", _ if binding.imported:
            return _imported(ev, binding, scope)
        case "class", _:
            return [Klass(scope.outline.scopes[binding.node])]
        case "function", _:
            return attributes.decorated(Code(scope.outline.scopes[binding.node]))
        case _:
            return [Unknown()]


def _imported(ev: Evaluator, binding: Binding, scope: Scope) -> list[Value]:
    assert binding.imported is not None  # noqa: S101  of an import
    found = ev.imported(binding.imported)
    if found and not isinstance(found[0], Foreign):
        return found
    return missing.imported(ev, binding, scope) or found


def _declared(ev: Evaluator, binding: Binding, found: list[Value], scope: Scope) -> list[Value]:
    """Of `x: X = value`: the annotation where the value alone says nothing."""
    if isinstance(binding.node, ast.AnnAssign) and any(isinstance(value, Unknown) for value in found):
        return annotated(ev, binding.node.annotation, scope)
    return found


def _part(ev: Evaluator, binding: Binding, value: ast.expr, scope: Scope) -> list[Value]:
    found = ev.follow(value, scope)
    if binding.loop:
        found = [one for inner in found for one in elements(inner)]
    for place in binding.index:
        found = [
            one
            for inner in found
            for one in (
                inner.columns[place] if isinstance(inner, Row) and place < len(inner.columns) else elements(inner)
            )
        ]
    return found


def _parameter(ev: Evaluator, parameter: ast.arg, scope: Scope) -> list[Value]:
    assert isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)  # noqa: S101  has parameters
    given = scope.node.args
    outer = scope.outer or scope
    if parameter.annotation is not None:
        found = annotated(ev, parameter.annotation, outer)
    else:
        first = attributes.first_parameter(ev, parameter, scope)
        found = first or [Unknown(), *_default(ev, parameter, given, outer)]
    if parameter is given.vararg:
        return [Group(tuple(found))]
    return [Table(((None, tuple(found)),))] if parameter is given.kwarg else found


def _default(ev: Evaluator, parameter: ast.arg, given: ast.arguments, outer: Scope) -> list[Value]:
    positional = [*given.posonlyargs, *given.args]
    pairs = dict(zip(positional[len(positional) - len(given.defaults) :], given.defaults, strict=True))
    default = pairs.get(parameter) or dict(zip(given.kwonlyargs, given.kw_defaults, strict=True)).get(parameter)
    found = ev.follow(default, outer) if default is not None else []
    return [value for value in found if isinstance(value, Made)]


def _expr(node: ast.AST) -> ast.expr:
    assert isinstance(node, ast.expr)  # noqa: S101  only a parameter's binding holds something else
    return node
