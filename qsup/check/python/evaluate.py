"""What an expression may stand for, by following names through scopes, imports and classes. Nothing is run."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from qsup.check.python import attributes, calls, flow, growth, missing
from qsup.check.python.annotated import annotated
from qsup.check.python.bindings import given
from qsup.check.python.items import item_of, joined_of, pair_of, row_of, sum_of
from qsup.check.python.kinds import (
    Code,
    Face,
    Foreign,
    Group,
    Klass,
    Made,
    Missing,
    Nothing,
    Plain,
    Root,
    Row,
    Space,
    Table,
    Text,
    Unknown,
    Value,
    elements,
)  # fmt: skip
from qsup.check.python.outline import Binding, Outline, Scope
from qsup.check.source import Imported, Module, Sources

DEEPEST = 60
"""Expressions within expressions that are followed; more is a circle, or nobody could read it either."""
BUDGET = 600
"""Expressions that are looked at for one question: names that double each other must not take for ever."""
TOO_FAR = "it goes over too many names to be followed"

OWN: dict[tuple[str, str], Value] = {
    ("qsup", "Job"): Root(),
    ("qsup.job", "Job"): Root(),
    ("qsup", "dispatch"): Face("dispatch"),
    ("qsup", "dispatch_many"): Face("dispatch_many"),
    ("qsup.dispatching", "dispatch"): Face("dispatch"),
    ("qsup.dispatching", "dispatch_many"): Face("dispatch_many"),
}
"""qsup's public face, whose own source is not read."""


@dataclass(slots=True)
class Evaluator:
    """Follows names. `values` asks a new question, `follow` goes on with one."""

    sources: Sources
    outlines: dict[Path, Outline] = field(default_factory=dict)
    busy: set[tuple[ast.AST, Scope]] = field(default_factory=set)
    left: int = BUDGET
    lineages: dict[Scope, list[Value]] = field(default_factory=dict)
    """The bases of the classes that were asked about."""
    receivers: list[tuple[Scope, Klass]] = field(default_factory=list)
    """The methods that are being followed, each with the class it was called on."""

    def outline(self, module: Module) -> Outline:
        """The scopes of a module."""
        if module.file not in self.outlines:
            self.outlines[module.file] = Outline(module)
        return self.outlines[module.file]

    def values(self, expression: ast.expr, scope: Scope) -> list[Value]:
        """Everything that `expression` may be."""
        self.left = BUDGET
        return self.follow(expression, scope)

    def follow(self, expression: ast.expr, scope: Scope) -> list[Value]:
        """As `values`, within one question."""
        key = (expression, scope)
        if key in self.busy:
            return []
        self.left -= 1
        if len(self.busy) >= DEEPEST or self.left < 0:
            return [Unknown(TOO_FAR)]
        self.busy.add(key)
        try:
            return list(dict.fromkeys(self._look(expression, scope)))
        finally:
            self.busy.discard(key)

    def _look(self, expression: ast.expr, scope: Scope) -> list[Value]:
        match expression:
            case ast.Constant(value=str(text)):
                return [Text(text, (scope.module.name, expression.lineno))]
            case ast.Constant(value=value):
                return [Nothing() if value is None else Plain()]
            case ast.Name(id=name):
                return self.name(name, expression, scope)
            case ast.Attribute(value=inner, attr=attr):
                return self.each(inner, scope, lambda value: self._attribute(value, attr, expression, scope))
            case ast.Call():
                return calls.call(self, expression, scope)
            case ast.IfExp(body=one, orelse=other):
                return [*self.follow(one, scope), *self.follow(other, scope)]
            case ast.BoolOp(values=parts):
                return [value for part in parts for value in self.follow(part, scope)]
            case ast.NamedExpr(value=inner) | ast.Await(value=inner) | ast.Starred(value=inner):
                return self.follow(inner, scope)
            case _:
                return self._collection(expression, scope)

    def _collection(self, expression: ast.expr, scope: Scope) -> list[Value]:
        match expression:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [row_of(self, items, scope)]
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                return [Group(tuple(self.follow(item, scope.outline.scopes.get(expression, scope))))]
            case ast.DictComp(value=item):
                inner = scope.outline.scopes.get(expression, scope)
                return [Table(((None, tuple(self.follow(item, inner))),))]
            case ast.Dict(keys=keys, values=items):
                return [Table(tuple(pair_of(self, key, item, scope) for key, item in zip(keys, items, strict=True)))]
            case ast.Subscript(value=inner, slice=key):
                return self.each(inner, scope, lambda value: item_of(self, value, key, scope))
            case ast.Lambda():
                found = scope.outline.scopes.get(expression)
                return [Code(found) if found else Unknown()]
            case _:
                return self._computed(expression, scope)

    def _computed(self, expression: ast.expr, scope: Scope) -> list[Value]:
        match expression:
            case ast.JoinedStr(values=parts):
                return [joined_of(self, parts, scope)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return sum_of(self.follow(left, scope), self.follow(right, scope))
            case ast.BinOp(left=left, op=ast.Mult()):
                many = [value for value in self.follow(left, scope) if isinstance(value, Row | Group)]
                return [Group(tuple(one for value in many for one in elements(value)))] if many else [Unknown()]
            case ast.Compare() | ast.UnaryOp():
                return [Plain()]
            case _:
                return [Unknown()]

    def each(self, inner: ast.expr, scope: Scope, ask: calls.Ask) -> list[Value]:
        """What `ask` answers for every value of `inner`."""
        return [found for value in self.follow(inner, scope) for found in ask(value)]

    def returned(self, code: Code) -> list[Value]:
        """What a function returns."""
        return calls.returned(self, code)

    def _attribute(self, value: Value, name: str, node: ast.Attribute, scope: Scope) -> list[Value]:
        found = attributes.attribute(self, value, name)
        return found if found and found != [Unknown()] else missing.attribute(self, value, node, scope) or found

    def name(self, name: str, node: ast.AST, scope: Scope) -> list[Value]:
        """What `name` may stand for at `node` in `scope`."""
        current: Scope | None = scope
        while current is not None:
            if current is scope or not isinstance(current.node, ast.ClassDef):
                bindings = flow.reaching(current, name, node)
                if bindings:
                    found = self.union(bindings, current)
                    found = growth.grown(self, found, bindings, name, current)
                    return self._narrowed(found, name, node, scope)
            current = current.outer
        return self._outside(name, node, scope)

    def union(self, bindings: Iterable[Binding], scope: Scope) -> list[Value]:
        """What any of the bindings gives."""
        return list(dict.fromkeys(value for binding in bindings for value in given(self, binding, scope)))

    def _outside(self, name: str, node: ast.AST, scope: Scope) -> list[Value]:
        for star in scope.outline.stars:
            found = self.imported(Imported(star.module, name))
            if found and not all(isinstance(value, Unknown) for value in found):
                return found
        if hasattr(builtins, name):
            return [Foreign("builtins", name, standard=True)]
        return missing.undefined(self, name, node, scope) or [Unknown()]

    def _narrowed(self, found: list[Value], name: str, node: ast.AST, scope: Scope) -> list[Value]:
        if not any(isinstance(value, Unknown) or (isinstance(value, Made) and not value.exact) for value in found):
            return found
        wanted = flow.narrowed(scope.outline, name, node)
        if wanted is None:
            return found
        said = annotated(self, wanted, scope)
        kinds: list[Value] = [one for one in said if isinstance(one, Made)]
        gone: list[Value] = [one for one in said if isinstance(one, Unknown) and isinstance(one.why, Missing)]
        return kinds or gone or found

    def imported(self, what: Imported, steps: int = 8) -> list[Value]:
        """What an import brings."""
        if what.name is None:
            return [Space(what.module)]
        own = OWN.get((what.module, what.name))
        if own is not None:
            return [own]
        source = self.source(what.module)
        if source is not None and steps:
            if self.lacks(source, what.name):
                return []
            return self.in_module(source, what.name, steps)
        if self.source(f"{what.module}.{what.name}") is not None:
            return [Space(f"{what.module}.{what.name}")]
        return [Foreign(what.module, what.name, standard=is_standard(what.module))]

    def lacks(self, source: Module, name: str) -> bool:
        """Whether the module's source shows that it has nothing of this name, not even a module."""
        hidden = source.open or name in self.outline(source).top.names
        return not hidden and self.source(f"{source.name}.{name}") is None

    def source(self, module: str) -> Module | None:
        """A module whose source is read; qsup's own and Python's are not."""
        if module.partition(".")[0] == "qsup" or (is_standard(module) and not self.sources.has(module)):
            return None
        return self.sources.module(module)

    def in_module(self, module: Module, name: str, steps: int = 8) -> list[Value]:
        """What `name` means at the top of `module`."""
        outline = self.outline(module)
        bindings = outline.top.names.get(name)
        if bindings:
            return growth.grown(self, self._top(bindings, outline, steps), bindings, name, outline.top)
        if self.source(f"{module.name}.{name}") is not None:
            return [Space(f"{module.name}.{name}")]
        for star in outline.stars:
            found = self.imported(Imported(star.module, name), steps - 1)
            if found and not all(isinstance(value, Unknown) for value in found):
                return found
        return [Unknown()]

    def in_module_is_missing(self, module: Module, name: str) -> bool:
        """Whether `module` certainly has nothing of this name."""
        outline = self.outline(module)
        if outline.top.names.get(name):
            found = self.in_module(module, name)
            return not found
        hidden = module.open or outline.stars or self.source(f"{module.name}.{name}") is not None
        return not hidden

    def _top(self, bindings: list[Binding], outline: Outline, steps: int) -> list[Value]:
        found: list[Value] = []
        for binding in bindings:
            if binding.imported is not None:
                found += self.imported(binding.imported, steps - 1)
            else:
                found += given(self, binding, outline.top)
        return list(dict.fromkeys(found))


def is_standard(module: str) -> bool:
    """Whether it belongs to Python itself."""
    return module.partition(".")[0] in sys.stdlib_module_names
