"""What an expression may stand for, by following names through scopes, imports and classes. Nothing is run."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from qsup.check.python import attributes, calls, flow, growth
from qsup.check.python.annotated import annotated
from qsup.check.python.kinds import (
    Code,
    Face,
    Foreign,
    Group,
    Klass,
    Made,
    Nothing,
    Plain,
    Root,
    Row,
    Space,
    Table,
    Text,
    Unknown,
    Value,
    contents,
    elements,
)  # fmt: skip
from qsup.check.python.outline import Binding, Outline, Scope
from qsup.check.source import Imported, Module, Sources

DEEPEST = 60
"""Expressions within expressions that are followed; more is a circle, or nobody could read it either."""
BUDGET = 4000
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
                return [Text(text)]
            case ast.Constant(value=value):
                return [Nothing() if value is None else Plain()]
            case ast.Name(id=name):
                return self.name(name, expression, scope)
            case ast.Attribute(value=inner, attr=attr):
                return self.each(inner, scope, lambda value: attributes.attribute(self, value, attr))
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
                return [self._row(items, scope)]
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                return [Group(tuple(self.follow(item, scope.outline.scopes.get(expression, scope))))]
            case ast.DictComp(value=item):
                inner = scope.outline.scopes.get(expression, scope)
                return [Table(((None, tuple(self.follow(item, inner))),))]
            case ast.Dict(keys=keys, values=items):
                return [Table(tuple(self._pair(key, item, scope) for key, item in zip(keys, items, strict=True)))]
            case ast.Subscript(value=inner, slice=key):
                return self.each(inner, scope, lambda value: self._item(value, key, scope))
            case ast.Lambda():
                found = scope.outline.scopes.get(expression)
                return [Code(found) if found else Unknown()]
            case _:
                return self._computed(expression, scope)

    def _computed(self, expression: ast.expr, scope: Scope) -> list[Value]:
        match expression:
            case ast.JoinedStr(values=parts):
                return [self._joined(parts, scope)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum(self.follow(left, scope), self.follow(right, scope))
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

    def _row(self, items: list[ast.expr], scope: Scope) -> Value:
        columns = [tuple(self.follow(item, scope)) for item in items]
        if not any(isinstance(item, ast.Starred) for item in items):
            return Row(tuple(columns))
        spread = [
            tuple(one for value in column for one in elements(value)) if isinstance(item, ast.Starred) else column
            for item, column in zip(items, columns, strict=True)
        ]
        return Group(tuple(dict.fromkeys(one for column in spread for one in column)))

    def _pair(self, key: ast.expr | None, item: ast.expr, scope: Scope) -> tuple[str | None, tuple[Value, ...]]:
        if key is None:
            inner = self.follow(item, scope)
            return None, tuple(one for value in inner for one in contents(value))
        names = [value.text if isinstance(value, Text) else None for value in self.follow(key, scope)]
        return names[0] if len(names) == 1 else None, tuple(self.follow(item, scope))

    def _item(self, value: Value, key: ast.expr, scope: Scope) -> list[Value]:
        match value:
            case Klass() | Root():
                return [value]
            case Foreign(standard=True):
                return [value]
            case Table(pairs=pairs):
                wanted = self.follow(key, scope)
                texts = {one.text for one in wanted if isinstance(one, Text)}
                sure = bool(wanted) and all(isinstance(one, Text) for one in wanted) and all(name for name, _ in pairs)
                return [one for name, column in pairs if not sure or name in texts for one in column] or [Unknown()]
            case Row(columns=columns):
                return self._place(columns, key)
            case Group(values=values):
                return [value] if isinstance(key, ast.Slice) else list(values) or [Unknown()]
            case Plain():
                return [value]
            case _:
                return [Unknown()]

    def _place(self, columns: tuple[tuple[Value, ...], ...], key: ast.expr) -> list[Value]:
        if isinstance(key, ast.Constant) and isinstance(key.value, int) and key.value < len(columns):
            return list(columns[key.value])
        every = tuple(dict.fromkeys(one for column in columns for one in column))
        return [Group(every)] if isinstance(key, ast.Slice) else list(every) or [Unknown()]

    def _joined(self, parts: list[ast.expr], scope: Scope) -> Value:
        text = ""
        for part in parts:
            inner = part.value if isinstance(part, ast.FormattedValue) and not part.format_spec else part
            found = self.follow(inner, scope)
            if len(found) != 1 or not isinstance(found[0], Text):
                return Unknown()
            text += found[0].text
        return Text(text)

    def _sum(self, left: list[Value], right: list[Value]) -> list[Value]:
        found: list[Value] = []
        for one in left:
            for other in right:
                if isinstance(one, Text) and isinstance(other, Text):
                    found.append(Text(one.text + other.text))
                elif isinstance(one, Row | Group) and isinstance(other, Row | Group):
                    found.append(Group((*elements(one), *elements(other))))
                else:
                    found.append(Plain() if Plain() in (one, other) else Unknown())
        return found[:100]

    def returned(self, code: Code) -> list[Value]:
        """What a function returns."""
        return calls.returned(self, code)

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
        return self._outside(name, scope)

    def union(self, bindings: Iterable[Binding], scope: Scope) -> list[Value]:
        """What any of the bindings gives."""
        return list(dict.fromkeys(value for binding in bindings for value in self._given(binding, scope)))

    def _outside(self, name: str, scope: Scope) -> list[Value]:
        for star in scope.outline.stars:
            found = self.imported(Imported(star.module, name))
            if found and not all(isinstance(value, Unknown) for value in found):
                return found
        if hasattr(builtins, name):
            return [Foreign("builtins", name, standard=True)]
        return [Unknown()]

    def _narrowed(self, found: list[Value], name: str, node: ast.AST, scope: Scope) -> list[Value]:
        if not any(isinstance(value, Unknown) or (isinstance(value, Made) and not value.exact) for value in found):
            return found
        wanted = flow.narrowed(scope.outline, name, node)
        if wanted is None:
            return found
        kinds = [one for one in annotated(self, wanted, scope) if isinstance(one, Made)]
        return list(kinds) or found

    def _given(self, binding: Binding, scope: Scope) -> list[Value]:
        match binding.kind, binding.value:
            case "value", ast.AST() as value:
                return self._declared(binding, self.follow(_expr(value), scope), scope)
            case "element", ast.AST() as value:
                return [one for found in self.follow(_expr(value), scope) for one in elements(found)]
            case "part", ast.AST() as value:
                return self._part(binding, _expr(value), scope)
            case "added", ast.AST() as value:
                return [Group(tuple(elements(found))) for found in self.follow(_expr(value), scope)]
            case "parameter", ast.arg() as parameter:
                return self._parameter(parameter, scope)
            case "pattern", ast.AST() as value:
                return annotated(self, _expr(value), scope)
            case "declared", ast.AST() as value:
                return annotated(self, _expr(value), scope)
            case "import", _ if binding.imported:
                return self.imported(binding.imported)
            case "class", _:
                return [Klass(scope.outline.scopes[binding.node])]
            case "function", _:
                return attributes.decorated(Code(scope.outline.scopes[binding.node]))
            case _:
                return [Unknown()]

    def _declared(self, binding: Binding, found: list[Value], scope: Scope) -> list[Value]:
        """Of `x: X = value`: the annotation where the value alone says nothing."""
        if isinstance(binding.node, ast.AnnAssign) and any(isinstance(value, Unknown) for value in found):
            return annotated(self, binding.node.annotation, scope)
        return found

    def _part(self, binding: Binding, value: ast.expr, scope: Scope) -> list[Value]:
        found = self.follow(value, scope)
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

    def _parameter(self, parameter: ast.arg, scope: Scope) -> list[Value]:
        assert isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)  # noqa: S101  has parameters
        given = scope.node.args
        outer = scope.outer or scope
        if parameter.annotation is not None:
            found = annotated(self, parameter.annotation, outer)
        else:
            first = attributes.first_parameter(self, parameter, scope)
            found = first or [Unknown(), *self._default(parameter, given, outer)]
        if parameter is given.vararg:
            return [Group(tuple(found))]
        return [Table(((None, tuple(found)),))] if parameter is given.kwarg else found

    def _default(self, parameter: ast.arg, given: ast.arguments, outer: Scope) -> list[Value]:
        positional = [*given.posonlyargs, *given.args]
        pairs = dict(zip(positional[len(positional) - len(given.defaults) :], given.defaults, strict=True))
        default = pairs.get(parameter) or dict(zip(given.kwonlyargs, given.kw_defaults, strict=True)).get(parameter)
        found = self.follow(default, outer) if default is not None else []
        return [value for value in found if isinstance(value, Made)]

    # imports

    def imported(self, what: Imported, steps: int = 8) -> list[Value]:
        """What an import brings."""
        if what.name is None:
            return [Space(what.module)]
        own = OWN.get((what.module, what.name))
        if own is not None:
            return [own]
        source = self.source(what.module)
        if source is not None and steps:
            missing = not source.open and what.name not in self.outline(source).top.names
            if missing and self.source(f"{what.module}.{what.name}") is None:
                return []
            return self.in_module(source, what.name, steps)
        if self.source(f"{what.module}.{what.name}") is not None:
            return [Space(f"{what.module}.{what.name}")]
        return [Foreign(what.module, what.name, standard=is_standard(what.module))]

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
                found += self._given(binding, outline.top)
        return list(dict.fromkeys(found))


def _expr(node: ast.AST) -> ast.expr:
    assert isinstance(node, ast.expr)  # noqa: S101  only a parameter's binding holds something else
    return node


def is_standard(module: str) -> bool:
    """Whether it belongs to Python itself."""
    return module.partition(".")[0] in sys.stdlib_module_names
