"""Names that certainly are not there: in a module of the project, in an enum, or in the file itself."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from qsup.check.problem import nearest
from qsup.check.python import attributes, flow
from qsup.check.python.kinds import Foreign, Klass, Missing, Space, Unknown, Value
from qsup.check.python.outline import Binding, Scope
from qsup.check.source import Imported, Module

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator

HIDDEN_WAYS = frozenset({"globals", "exec", "vars", "locals", "setattr", "__builtins__"})
"""With one of these a module may have names that its source does not show."""
NO_IMPORT = ("ImportError", "ModuleNotFoundError", "Exception")
NO_NAME = ("NameError", "AttributeError", "Exception")
TYPES = ("TypeVar", "ParamSpec", "TypeVarTuple", "TypeAlias")
"""Nodes of syntax that this Python may not know yet."""
STEPS = 8
"""Imports of imports that are followed."""


def imported(ev: Evaluator, binding: Binding, scope: Scope, steps: int = STEPS) -> list[Value]:
    """For an import that brings nothing: at the innermost import that fails. Empty when that is not certain."""
    what = binding.imported
    if what is None or what.name is None or steps == 0 or _guarded(scope, binding.node, NO_IMPORT):
        return []
    source = ev.source(what.module)
    if source is None:
        return _no_module(ev, what, binding, scope)
    if not ev.lacks(source, what.name):
        return _passed_on(ev, source, what.name, steps)
    hint = _near(what.name, source)
    return [_missing(f"there is no {what.name} in {what.module}", scope, binding.node, hint)]


def _passed_on(ev: Evaluator, source: Module, name: str, steps: int) -> list[Value]:
    """For a name that the module itself imports."""
    top = ev.outline(source).top
    inner = top.names.get(name, [])
    return imported(ev, inner[0], top, steps - 1) if len(inner) == 1 else []


def _no_module(ev: Evaluator, what: Imported, binding: Binding, scope: Scope) -> list[Value]:
    """`from shop.job import PayJob`, where the project's own package `shop` has no such module."""
    parent, _, last = what.module.rpartition(".")
    package = ev.sources.own(parent) if parent else None
    if package is None or package.file.name != "__init__.py" or "__path__" in package.summary.names:
        return []
    folder = package.file.parent
    # An extension module.
    if ev.sources.is_folder(what.module) or any(folder.glob(f"{last}.*")):
        return []
    siblings = [f"{parent}.{file.stem}" for file in folder.glob("*.py")]
    return [_missing(f"there is no module {what.module}", scope, binding.node, nearest(what.module, siblings))]


def _near(name: str, source: Module) -> str:
    """The hint: a constant for a constant, as far as there is one."""
    known = sorted(source.summary.names)
    return nearest(name, [one for one in known if one.isupper() == name.isupper()]) or nearest(name, known)


def attribute(ev: Evaluator, value: Value, node: ast.Attribute, scope: Scope) -> list[Value]:
    """For `module.name` and `Enum.name` that give nothing."""
    if node.attr.startswith("__") or _guarded(scope, node, NO_NAME):
        return []
    match value:
        case Space(module=name):
            source = ev.source(name)
            if source is not None and ev.lacks(source, node.attr):
                return [_missing(f"there is no {node.attr} in {name}", scope, node, _near(node.attr, source))]
            return _passed_on(ev, source, node.attr, STEPS) if source is not None else []
        case Klass() if _is_closed(ev, value) and not attributes.member(ev, value, node.attr):
            members = [name for name in value.scope.names if not name.startswith("_")]
            return [_missing(f"there is no {node.attr} in {value.name}", scope, node, nearest(node.attr, members))]
    return []


def _is_closed(ev: Evaluator, klass: Klass) -> bool:
    """Whether it is an enum with members, and only of bases that are known: it gets no more."""
    bases = attributes.lineage(ev, klass)[1:]
    known = all(isinstance(base, Klass) or (isinstance(base, Foreign) and base.standard) for base in bases)
    return bool(klass.scope.names) and known and attributes.is_enum(ev, klass) and not klass.node.decorator_list


def undefined(ev: Evaluator, name: str, node: ast.AST, scope: Scope) -> list[Value]:
    """For a name that nothing in the file binds."""
    outline = scope.outline
    shown = not name.startswith("__") and not outline.names.keys() & HIDDEN_WAYS
    if not shown or _guarded(scope, node, NO_NAME) or not all(_is_read(ev, star) for star in outline.stars):
        return []
    if any(name in one.elsewhere for one in outline.scopes.values()) or _is_type(scope, name):
        return []
    return [_missing(f"nothing here is called {name}", scope, node, nearest(name, outline.top.names))]


def _is_type(scope: Scope, name: str) -> bool:
    """Whether it is a type parameter or a `type` statement, which Python has from 3.12 on."""
    nodes = (node for node in scope.outline.homes if type(node).__name__ in TYPES)
    given = (getattr(node, "name", "") for node in nodes)
    return any(name == getattr(one, "id", one) for one in given)


def _is_read(ev: Evaluator, star: Imported) -> bool:
    source = ev.source(star.module)
    return source is not None and not source.open


def _guarded(scope: Scope, node: ast.AST, errors: tuple[str, ...]) -> bool:
    """Whether the program itself expects that it may not be there."""
    return any(
        isinstance(parent, ast.Try) and child in parent.body and any(_catches(one, errors) for one in parent.handlers)
        for parent, child in flow.ancestors(scope.outline, node)
    )


def _catches(handler: ast.ExceptHandler, errors: tuple[str, ...]) -> bool:
    return handler.type is None or any(word in ast.unparse(handler.type) for word in errors)


def _missing(text: str, scope: Scope, node: ast.AST, hint: str) -> Unknown:
    module: Module = scope.module
    line = getattr(node, "lineno", 0)
    column = module.column(line, getattr(node, "col_offset", 0))
    return Unknown(Missing(text, module=module.name, line=line, column=column, hint=hint))
