"""The scopes of one module, and what may be bound to each name in them. One pass over the syntax tree, no recursion."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from qsup.check.source import Function, Imported, Module, absolute

Kind = Literal[
    "value", "element", "part", "parameter", "import", "class", "function", "pattern", "added", "declared", "opaque"
]

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Block = ast.Module | ast.ClassDef | Function | ast.Lambda | Comprehension
BLOCKS = (
    ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


SIGNS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
"""Nodes that all trees share: they have no place of their own."""
BINDERS = (ast.stmt, ast.arg, ast.NamedExpr, ast.comprehension, ast.withitem, ast.ExceptHandler, ast.pattern)
"""Nodes that may give a name a value."""
NOTED = (ast.Name, ast.Attribute, ast.Call, ast.Return, ast.Assign, ast.AnnAssign, ast.NamedExpr)


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One way in which a name gets a value."""

    kind: Kind
    node: ast.AST
    """The statement or expression that does it: its place decides what it reaches."""
    value: ast.expr | ast.arg | None = None
    """What the name stands for; of `element` an element of it, of `part` the item at `index` of an element or value."""
    index: tuple[int, ...] = ()
    loop: bool = False
    """Of `part`: the parts of an element of `value`, not of `value` itself."""
    imported: Imported | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function, lambda or comprehension with its own names."""

    outline: Outline
    node: Block
    outer: Scope | None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    """Names that `global` or `nonlocal` gives to another scope."""

    @property
    def module(self) -> Module:
        """The module that it is in."""
        return self.outline.module

    @property
    def holder(self) -> Scope | None:
        """The scope of the class whose method this is in, or that this is."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.outer
        return scope

    def bind(self, name: str, binding: Binding) -> None:
        """Note one more value for `name`."""
        owner = self.elsewhere.get(name, self)
        owner.names.setdefault(name, []).append(binding)


@dataclass(slots=True, eq=False)
class Outline:
    """A module with its scopes."""

    module: Module
    top: Scope = field(init=False)
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    homes: dict[ast.AST, Scope] = field(default_factory=dict)
    """The scope in which each expression is evaluated."""
    statements: list[ast.AST] = field(default_factory=list)
    """What gives a name a value, or a function its result."""
    calls: list[ast.AST] = field(default_factory=list)
    """Calls and returns."""
    selves: dict[str, list[ast.Attribute]] = field(default_factory=dict)
    """Where each attribute of `self` and `cls` is used."""
    names: dict[str, list[ast.Name]] = field(default_factory=dict)
    """Where each variable is used."""
    stars: list[Imported] = field(default_factory=list)
    """The modules from which everything is imported."""

    package: str = field(init=False)
    """The package that its relative imports begin in."""

    def __post_init__(self) -> None:
        self.package = self.module.package
        self.top = self.scopes[self.module.tree] = Scope(self, self.module.tree, None)
        waiting: list[tuple[ast.AST, Scope]] = [(child, self.top) for child in self._children(self.module.tree)]
        while waiting:
            node, scope = waiting.pop()
            self.homes[node] = scope
            self._note(node)
            waiting += self._enter(node, scope)

    def _children(self, node: ast.AST) -> list[ast.AST]:
        # The last in the list is taken first: reversed, so that bindings are noted in the order of the file.
        found: list[ast.AST] = []
        for name in () if isinstance(node, ast.Name | ast.Constant) else node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                found += [one for one in value if isinstance(one, ast.AST) and not isinstance(one, SIGNS)]
            elif isinstance(value, ast.AST) and not isinstance(value, SIGNS):
                found.append(value)
        for child in found:
            self.parents[child] = node
        found.reverse()
        return found

    def _enter(self, node: ast.AST, scope: Scope) -> list[tuple[ast.AST, Scope]]:
        for name, binding in bound(node, self.package) if isinstance(node, BINDERS) else ():
            if name == "*" and binding.imported:
                self.stars.append(binding.imported)
            else:
                self._owner(node, scope).bind(name, binding)
        if isinstance(node, ast.Global | ast.Nonlocal):
            self._elsewhere(node, scope)
        if not isinstance(node, BLOCKS):
            return [(child, scope) for child in self._children(node)]
        inner = self.scopes[node] = Scope(self, node, scope)
        outside = set(_outside(node))
        return [(child, scope if child in outside else inner) for child in self._children(node)]

    def _note(self, node: ast.AST) -> None:
        if not isinstance(node, NOTED):
            return
        match node:
            case ast.Name(id=name):
                self.names.setdefault(name, []).append(node)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                self.selves.setdefault(name, []).append(node)
            case ast.Call():
                self.calls.append(node)
            case ast.Return():
                self.calls.append(node)
                self.statements.append(node)
            case ast.Assign() | ast.AnnAssign() | ast.NamedExpr():
                self.statements.append(node)

    def called(self) -> Iterator[tuple[ast.AST, Scope]]:
        """The calls and returns with the scopes in which they stand."""
        return ((node, self.homes[node]) for node in self.calls)

    def _owner(self, node: ast.AST, scope: Scope) -> Scope:
        """A walrus in a comprehension binds in the function around it."""
        while isinstance(node, ast.NamedExpr) and scope.outer and isinstance(scope.node, Comprehension):
            scope = scope.outer
        return scope

    def _elsewhere(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        for name in node.names:
            owner: Scope | None = self.top if isinstance(node, ast.Global) else scope.outer
            while owner and isinstance(node, ast.Nonlocal) and name not in owner.names:
                owner = owner.outer
            scope.elsewhere[name] = owner or self.top


def _outside(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a function or class that are evaluated around it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from node.decorator_list
            if node.returns:
                yield node.returns
        case ast.ClassDef():
            yield from [*node.decorator_list, *node.bases, *node.keywords]


def bound(node: ast.AST, package: str) -> Iterator[tuple[str, Binding]]:
    """The names that this node itself binds, with what. `*` for everything of a module."""
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from _imports(node, package)
        case ast.ClassDef():
            yield node.name, Binding("class", node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name, Binding("function", node)
        case ast.arg():
            yield node.arg, Binding("parameter", node, node)
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _targets(target, node, value, loop=False)
        case ast.AnnAssign(target=ast.Name(id=name), value=None):
            yield name, Binding("declared", node, node.annotation)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _targets(target, node, value, loop=False)
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, Binding("value", node, value)
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            yield name, Binding("added", node, value)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield from _targets(target, node, value, loop=True)
        case ast.comprehension(target=target, iter=value):
            yield from _targets(target, node, value, loop=True)
        case _:
            yield from _rarer(node)


def _rarer(node: ast.AST) -> Iterator[tuple[str, Binding]]:
    match node:
        case ast.withitem(optional_vars=ast.expr() as target):
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    yield name.id, Binding("opaque", node)
        case ast.ExceptHandler(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name, Binding("opaque", node)
        case ast.MatchAs(name=str(name), pattern=ast.MatchClass(cls=wanted)):
            yield name, Binding("pattern", node, wanted)
        case ast.MatchAs(name=str(name)):
            yield name, Binding("opaque", node)


def _imports(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Binding]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            found = Imported(absolute(node, package), alias.name)
            yield alias.asname or alias.name, Binding("import", node, imported=found)
        else:
            top = alias.name.partition(".")[0]
            found = Imported(alias.name if alias.asname else top)
            yield alias.asname or top, Binding("import", node, imported=found)


def _targets(
    target: ast.expr, node: ast.AST, value: ast.expr, *, loop: bool, index: tuple[int, ...] = ()
) -> Iterator[tuple[str, Binding]]:
    match target:
        case ast.Name(id=name) if index:
            yield name, Binding("part", node, value, index, loop)
        case ast.Name(id=name):
            yield name, Binding("element" if loop else "value", node, value)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            starred = any(isinstance(item, ast.Starred) for item in items)
            for place, item in enumerate(items):
                if starred:
                    names = (name for name in ast.walk(item) if isinstance(name, ast.Name))
                    yield from ((name.id, Binding("opaque", node)) for name in names)
                else:
                    yield from _targets(item, node, value, loop=loop, index=(*index, place))
