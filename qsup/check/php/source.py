"""A PHP file: its namespaces and imports, and what a class's name means in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qsup.check.php.syntax import children, first, first_error, interesting, parse, place, text

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_BYTES = 2_000_000
"""Larger files are generated data; reading one takes two seconds a megabyte."""

UNCHANGED = ("self", "static", "parent")


@dataclass(slots=True)
class Scope:
    """A namespace in a file, and what `use` names in it; from `start` (a byte) on."""

    start: int
    namespace: str = ""
    classes: dict[str, str] = field(default_factory=dict)
    """From an alias in lower case to the full name; those of functions and constants too, by kind, below."""
    functions: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class File:
    """A parsed file."""

    path: Path
    root: Node
    nodes: dict[str, list[Node]]
    scopes: list[Scope]

    def scope(self, node: Node) -> Scope:
        """The namespace that `node` stands in."""
        return next(scope for scope in reversed(self.scopes) if scope.start <= node.start_byte)

    def full(self, name: str, node: Node) -> str:
        """The full name, without the first backslash, of the class that `name` is at `node`."""
        if name.startswith("\\"):
            return name[1:]
        scope = self.scope(node)
        head, _, rest = name.partition("\\")
        if head.lower() == "namespace" and rest:
            return within(scope.namespace, rest)
        found = scope.classes.get(head.lower())
        if found is None:
            return within(scope.namespace, name)
        return f"{found}\\{rest}" if rest else found

    def function(self, name: str, node: Node) -> str:
        """The full name of the function that `name` calls; one without a namespace may be the global one."""
        if name.startswith("\\"):
            return name[1:]
        return self.scope(node).functions.get(name.lower(), name)

    def error(self) -> tuple[int, int] | None:
        """Line and column of the first thing that does not parse."""
        found = first_error(self.root)
        return place(found) if found is not None else None


def within(namespace: str, name: str) -> str:
    """`name` in `namespace`."""
    return f"{namespace}\\{name}" if namespace else name


def read(path: Path, source: bytes) -> File:
    """Parse one file. Raises ParserMissing without the extra `php`."""
    root = parse(source.removeprefix(b"\xef\xbb\xbf"))
    nodes = interesting(root)
    scopes = [Scope(0)]
    for node in nodes.get("namespace", []):
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        scopes.append(Scope((body or node).start_byte, text(name)))
    file = File(path, root, nodes, scopes)
    for node in nodes.get("use", []):
        _import(file.scope(node), node)
    return file


def _import(scope: Scope, node: Node) -> None:
    kind = text(node.child_by_field_name("type")) or _keyword(node)
    group = node.child_by_field_name("body")
    prefix = text(first(node, "namespace_name")) if group is not None else ""
    for clause in children(group or node, "namespace_use_clause"):
        name = text(first(clause, "qualified_name", "name", "namespace_name")).lstrip("\\")
        alias = text(clause.child_by_field_name("alias")) or name.rpartition("\\")[2]
        own = text(clause.child_by_field_name("type")) or _keyword(clause) or kind
        names = {"function": scope.functions, "const": scope.constants}.get(own, scope.classes)
        names[alias if own == "const" else alias.lower()] = within(prefix, name)


def _keyword(node: Node) -> str:
    return next((child.type for child in node.children if child.type in ("function", "const")), "")


def names(node: Node | None) -> Iterator[Node]:
    """The class names that stand directly in a node."""
    if node is not None:
        yield from children(node, "name", "qualified_name", "relative_name")
