"""PHP text as a tree, and how to read the nodes of that tree. The grammar is tree-sitter's (extra `php`).

The libraries are imported at the first parse: qsup works without them as long as nobody asks about PHP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from qsup.errors import QsupError

if TYPE_CHECKING:
    from tree_sitter import Language, Node

CALLS = (
    "function_call_expression",
    "member_call_expression",
    "nullsafe_member_call_expression",
    "scoped_call_expression",
)
ON_AN_OBJECT = CALLS[1:3]
CLASS_LIKE = ("class_declaration", "interface_declaration", "trait_declaration", "enum_declaration", "anonymous_class")
CLOSURES = ("anonymous_function", "arrow_function")
FUNCTIONS = ("method_declaration", "function_definition", *CLOSURES)

INTERESTING = f"""
({") @class (".join(CLASS_LIKE)}) @class
({") @call (".join(CALLS)}) @call
(namespace_definition) @namespace
(namespace_use_declaration) @use
(const_declaration) @const
(function_definition) @function
(assignment_expression left: (member_access_expression)) @set
"""
"""One query over a file, in the grammar's own speed: walking every node in Python takes twenty times as long."""


RELEVANT = frozenset(
    (
        "dispatch",
        "dispatchif",
        "dispatchunless",
        "withchain",
        "queueable",
        "chain",
        "batch",
        "push",
        "pushon",
        "later",
        "lateron",
        "bulk",
        "pushraw",
        "job",
        "queue",
        "queueon",
        "onqueue",
        "allonqueue",
        "notify",
        "send",
        "add",
        "appendtochain",
        "prependtochain",
        "route",
        "forward",
        "listen",
        "define",
    )
)
"""The functions and methods that something looks for among all calls of a file; the other calls are not kept."""


class ParserMissing(QsupError):
    """The extra `php` is not installed."""


@cache
def language() -> Language:
    """The PHP grammar. Raises ParserMissing without the extra `php`."""
    try:
        import tree_sitter
        import tree_sitter_php
    except ImportError:
        message = "PHP cannot be read without its parser"
        raise ParserMissing(message, hint="pip install 'qsup[php]'") from None
    return tree_sitter.Language(tree_sitter_php.language_php())


@cache
def _query() -> Any:
    from tree_sitter import Query

    return Query(language(), INTERESTING)


def parse(source: bytes) -> Node:
    """The tree's root; it keeps the whole tree alive. Never fails on any bytes: what does not parse is in ERROR nodes.

    Raises ParserMissing without the extra `php`.
    """
    grammar = language()
    from tree_sitter import Parser

    return Parser(grammar).parse(source).root_node


def interesting(root: Node) -> dict[str, list[Node]]:
    """The nodes that `INTERESTING` names, each kind in the order of the file."""
    from tree_sitter import QueryCursor

    found: dict[str, list[Node]] = QueryCursor(_query()).captures(root)
    if "call" in found:
        found["call"] = [call for call in found["call"] if method(call) in RELEVANT]
    return {kind: sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte)) for kind, nodes in found.items()}


def comments(root: Node) -> list[Node]:
    """The comments, in the order of the file. Only asked for where one may matter: most files have hundreds."""
    from tree_sitter import Query, QueryCursor

    found = QueryCursor(Query(language(), "(comment) @comment")).captures(root).get("comment", [])
    return sorted(found, key=lambda node: node.start_byte)


def statement_end(root: Node, line: int, column: int) -> int:
    """The last line of the statement at a place; of a class or method it is the line of its name."""
    node = root.descendant_for_point_range((line - 1, column - 1), (line - 1, column - 1))
    while node is not None and not node.type.endswith(("_statement", "_declaration", "_definition")):
        node = node.parent
    if node is None or node.child_by_field_name("body") is not None:
        return line
    return node.end_point[0] + 1


def text(node: Node | None) -> str:
    """The source of a node; empty for no node."""
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def place(node: Node) -> tuple[int, int]:
    """Line and column from 1; the column in bytes, as editors count ASCII."""
    return node.start_point[0] + 1, node.start_point[1] + 1


def children(node: Node, *kinds: str) -> Iterator[Node]:
    """The named children, or those of certain kinds; comments are none."""
    for child in node.named_children:
        if child.type in kinds if kinds else child.type != "comment":
            yield child


def first(node: Node | None, *kinds: str) -> Node | None:
    """The first named child (of certain kinds)."""
    return next(children(node, *kinds), None) if node is not None else None


def within(node: Node, *kinds: str) -> Node | None:
    """The innermost node of certain kinds around `node`."""
    around = node.parent
    while around is not None and around.type not in kinds:
        around = around.parent
    return around


def first_error(node: Node) -> Node | None:
    """The first place that does not parse."""
    while node.has_error:
        if node.is_error or node.is_missing:
            return node
        inner = next((child for child in node.children if child.has_error or child.is_missing), None)
        if inner is None:
            return node
        node = inner
    return node if node.is_missing else None


def bare(node: Node) -> Node:
    """Without the parentheses around it."""
    while node.type == "parenthesized_expression" and (inner := first(node)):
        node = inner
    return node


def is_call(node: Node) -> bool:
    """True for a call of any kind."""
    return node.type in CALLS


def method(call: Node) -> str:
    """The called method's or function's last name, in lower case; empty when it is computed."""
    name = call.child_by_field_name("function" if call.type == CALLS[0] else "name")
    if name is None or name.type not in ("name", "qualified_name", "relative_name"):
        return ""
    return text(name).rpartition("\\")[2].lower()


def receiver(call: Node) -> Node | None:
    """What the method is called on: the object's expression or the class's name."""
    found = call.child_by_field_name("scope" if call.type == "scoped_call_expression" else "object")
    return bare(found) if found is not None else None


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call: by place and by name."""

    placed: tuple[Node, ...] = ()
    named: tuple[tuple[str, Node], ...] = ()
    spread: bool = False
    """`...$more` is among them: any argument after those that stand there may be given."""
    callable: bool = False
    """`f(...)`: nothing is called here."""

    def get(self, index: int, *names: str) -> Node | None:
        """The argument at `index` (from 0), or by one of its names."""
        if index < len(self.placed):
            return self.placed[index]
        return next((node for name, node in self.named if name in names), None)


def arguments(call: Node) -> Arguments:
    """The arguments of a call, an object creation or an attribute."""
    holder = call.child_by_field_name("arguments") or call.child_by_field_name("parameters")
    holder = holder or first(call, "arguments")
    if holder is None:
        return Arguments()
    if first(holder, "variadic_placeholder"):
        return Arguments(callable=True)
    placed: list[Node] = []
    named: list[tuple[str, Node]] = []
    spread = False
    for argument in children(holder, "argument"):
        name = argument.child_by_field_name("name")
        value = next((child for child in reversed(argument.named_children) if child.type != "comment"), None)
        if value is None or value.type == "variadic_unpacking":
            spread = True
        elif name is not None:
            named.append((text(name), value))
        else:
            placed.append(value)
    return Arguments(tuple(placed), tuple(named), spread)


def modifiers(call: Node) -> Iterator[Node]:
    """The calls chained to `call`, in order: `->onQueue()`, then `->delay()` of `X::dispatch()->onQueue()->delay()`."""
    node = call
    while (around := node.parent) is not None:
        if around.type in ON_AN_OBJECT and around.child_by_field_name("object") == node:
            yield around
        elif around.type != "parenthesized_expression":
            return
        node = around


def root(call: Node) -> Node:
    """What a chain of calls on objects begins with."""
    node = call
    while node.type in ON_AN_OBJECT and (inner := receiver(node)) is not None:
        node = inner
    return node


def top(call: Node) -> Node:
    """The whole chain that begins at `call`."""
    return [call, *modifiers(call)][-1]
