"""Which bindings of a name reach a place, and what isinstance has said about it there. By statements, not by paths."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qsup.check.python.outline import Binding, Outline, Scope

LOOPS = (ast.For, ast.AsyncFor, ast.While)
HEADS = (ast.For, ast.AsyncFor, ast.comprehension)
Place = tuple[int, int]


def place(node: ast.AST) -> Place:
    """Where a node begins."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def end(node: ast.AST) -> Place:
    """Where it ends: an assignment has happened there."""
    return getattr(node, "end_lineno", None) or 0, getattr(node, "end_col_offset", None) or 0


def ancestors(outline: Outline, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """(ancestor, its child on the way) up to the module."""
    child = node
    while (parent := outline.parents.get(child)) is not None:
        yield parent, child
        child = parent


def reaching(scope: Scope, name: str, node: ast.AST) -> list[Binding]:
    """The bindings of `name` in `scope` that may hold at `node`; all of them when `node` is in an inner function."""
    outline, every = scope.outline, scope.names.get(name, [])
    if len(every) < 2 or outline.homes.get(node) is not scope or isinstance(scope.node, ast.ClassDef):
        return every
    loops = [parent for parent, _ in ancestors(outline, node) if isinstance(parent, LOOPS)]
    within = [loop for loop in loops if outline.homes.get(loop) is scope]
    before = [binding for binding in every if _done(binding) <= place(node)]
    sure = [binding for binding in before if binding.kind != "added" and _always(outline, binding, node)]
    last = max(sure, key=_done, default=None)
    found = [binding for binding in before if last is None or _done(binding) >= _done(last)]
    found += [
        binding
        for binding in every
        if binding not in found and any(_inside(binding, loop) and not _inside(last, loop) for loop in within)
    ]
    return found or every


def _done(binding: Binding) -> Place:
    """A loop's or parameter's name is bound where it stands; an assigned one after its value."""
    by_end = binding.kind in ("value", "part", "added") and not isinstance(binding.node, HEADS)
    return end(binding.node) if by_end else place(binding.node)


def _inside(binding: Binding | None, loop: ast.AST) -> bool:
    return binding is not None and place(loop) <= place(binding.node) <= end(loop)


def _always(outline: Outline, binding: Binding, node: ast.AST) -> bool:
    """Whether the binding has certainly happened before `node`: its statement stands in a block around it."""
    if binding.kind == "parameter":
        return True
    statement = _statement(outline, binding.node)
    block = outline.parents.get(statement)
    if isinstance(binding.node, HEADS):
        body = getattr(binding.node, "body", [])
        return any(parent is binding.node and child in body for parent, child in ancestors(outline, node))
    return any(parent is block and _same_body(parent, statement, child) for parent, child in ancestors(outline, node))


def _statement(outline: Outline, node: ast.AST) -> ast.AST:
    while not isinstance(node, ast.stmt) and node in outline.parents:
        node = outline.parents[node]
    return node


def _same_body(parent: ast.AST, one: ast.AST, other: ast.AST) -> bool:
    bodies = [getattr(parent, name, None) for name in ("body", "orelse", "finalbody")]
    return any(isinstance(body, list) and one in body and other in body for body in bodies)


def narrowed(outline: Outline, name: str, node: ast.AST) -> ast.expr | None:
    """The class, or tuple or union of classes, that `name` is certainly an instance of at `node`."""
    for parent, child in ancestors(outline, node):
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            return _checked_before(parent, child, name)
        found = _by_test(parent, child, name) or _checked_before(parent, child, name)
        if found is not None:
            return found
    return None


def _by_test(parent: ast.AST, child: ast.AST, name: str) -> ast.expr | None:
    match parent:
        case ast.If(test=test, body=body, orelse=orelse):
            return _says(test, name) if child in body else _denies(test, name) if child in orelse else None
        case ast.While(test=test, body=body) if child in body:
            return _says(test, name)
        case ast.IfExp(test=test):
            return (
                _says(test, name) if child is parent.body else _denies(test, name) if child is parent.orelse else None
            )
        case ast.BoolOp(op=ast.And(), values=values) if child in values:
            earlier = (_says(value, name) for value in values[: values.index(child)])
            return next((found for found in earlier if found is not None), None)
        case ast.Match(subject=ast.Name(id=subject)) if subject == name and isinstance(child, ast.match_case):
            return _matched(child.pattern)
    return None


def _matched(pattern: ast.pattern) -> ast.expr | None:
    match pattern:
        case ast.MatchClass(cls=wanted):
            return wanted
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _matched(inner)
        case ast.MatchOr(patterns=patterns):
            found = [_matched(one) for one in patterns]
            known = [one for one in found if one is not None]
            return ast.Tuple(elts=known, ctx=ast.Load()) if len(known) == len(found) else None
    return None


def _checked_before(parent: ast.AST, child: ast.AST, name: str) -> ast.expr | None:
    """`assert isinstance(x, C)` and `if not isinstance(x, C): return` in the block, before the child."""
    for body in (getattr(parent, part, None) for part in ("body", "orelse", "finalbody")):
        if not isinstance(body, list) or child not in body:
            continue
        for statement in reversed(body[: body.index(child)]):
            match statement:
                case ast.Assert(test=test) if (found := _says(test, name)) is not None:
                    return found
                case ast.If(test=test, body=[*_, ast.Return() | ast.Raise() | ast.Continue() | ast.Break()]):
                    if (found := _denies(test, name)) is not None:
                        return found
    return None


def _says(test: ast.expr, name: str) -> ast.expr | None:
    match test:
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=tested), wanted]) if tested == name:
            return wanted
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.NamedExpr(target=target), wanted]):
            return wanted if target.id == name else None
        case ast.BoolOp(op=ast.And(), values=values):
            return next((found for value in values if (found := _says(value, name)) is not None), None)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _denies(inner, name)
    return None


def _denies(test: ast.expr, name: str) -> ast.expr | None:
    """The class when the test being false says so."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _says(inner, name)
        case ast.BoolOp(op=ast.Or(), values=values):
            return next((found for value in values if (found := _denies(value, name)) is not None), None)
    return None
