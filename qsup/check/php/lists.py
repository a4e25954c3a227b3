"""The jobs in a list: what is handed to `Bus::chain`, `Bus::batch`, `Queue::bulk`, `->chain()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qsup.check.php.jobs import BATCH, UNKNOWN, Job, Jobs, assigned, scope_of
from qsup.check.php.syntax import CALLS, CLOSURES, arguments, bare, children, first, method, receiver, root, text
from qsup.check.php.values import returns

if TYPE_CHECKING:
    from tree_sitter import Node

UNCHANGED = ("all", "toarray", "values", "filter", "collect", "reject", "sortby", "unique", "shuffle", "chunk")
"""Methods of a collection whose result holds nothing but what was in it."""
ADDING = ("push", "prepend", "add", "merge", "concat")
"""Methods of a collection that put more into it."""

Place = tuple["Node", Job, bool]
"""Where a job is written, the job, and whether it stands behind the first one of a list inside the list."""


class Lists:
    """Reads lists of jobs in one file."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.following: list[str] = []
        """Variables whose values are being looked at: one of them again is a circle."""

    def members(self, node: Node | None, inner: bool = False) -> Iterator[Place]:
        """The jobs in the list that `node` is; `inner`: a list in a list is a chain, as in a batch."""
        node = bare(node) if node is not None else None
        if node is None:
            return
        match node.type:
            case "array_creation_expression":
                for element in children(node, "array_element_initializer"):
                    yield from self._element(element, inner)
            case "conditional_expression":
                yield from self.members(node.child_by_field_name("body"), inner)
                yield from self.members(node.child_by_field_name("alternative"), inner)
            case "assignment_expression":
                yield from self.members(node.child_by_field_name("right"), inner)
            case "variable_name":
                yield from self._variable(node, inner)
            case _ if node.type in CALLS:
                yield from self._call(node, inner)
            case _:
                yield from self._one(node)

    def _element(self, element: Node, inner: bool) -> Iterator[Place]:
        value = list(children(element))[-1]
        if value.type == "variadic_unpacking":
            spread = first(value)
            yield from self.members(spread, inner)
        elif value.type == "array_creation_expression" and inner:
            for index, (node, job, _) in enumerate(self.members(value)):
                yield node, job, index > 0
        elif value.type == "array_creation_expression":
            yield from self.members(value)
        elif (
            value.type in CALLS and (batch := root(value)).type == "scoped_call_expression" and method(batch) == "batch"
        ):
            yield value, Job(BATCH), False
        else:
            yield from self._one(value)

    def _one(self, node: Node) -> Iterator[Place]:
        if node.type == "null":
            return
        yield from ((node, job, False) for job in self.jobs.of(node))

    def _variable(self, node: Node, inner: bool) -> Iterator[Place]:
        name = text(node).lstrip("$")
        if name in self.following:
            return
        self.following.append(name)
        function = scope_of(node, name)
        places = [place for value in assigned(function, name, node) for place in self.members(value, inner)]
        for value in appended(function, name):
            wrapped = value.type == "array_creation_expression"
            places += list(self.members(value)) if wrapped else list(self._one(value))
        self.following.pop()
        yield from places or [(node, UNKNOWN, False)]

    def _call(self, node: Node, inner: bool) -> Iterator[Place]:
        name, on, given = method(node), receiver(node), arguments(node)
        if name == "collect" and not given.placed:
            return
        if name in ("collect", "array_filter", "array_values", "array_merge", "wrap") and given.placed:
            for value in given.placed if name == "array_merge" else given.placed[:1]:
                yield from self.members(value, inner)
        elif name in ("map", "array_map", "flatmap") and given.placed and given.placed[0].type in CLOSURES:
            for value in given_back(given.placed[0]):
                listed = value.type == "array_creation_expression"
                yield from self.members(value, inner) if listed else self._one(value)
        elif name == "mapinto" and given.placed:
            yield from ((node, job, False) for job in self.jobs.of(given.placed[0], names=True))
        elif on is not None and name in (*UNCHANGED, *ADDING):
            yield from self.members(on, inner)
            for value in given.placed if name in ADDING else ():
                yield from self.members(value, inner)
        else:
            yield from self._one(node)


def _is_batch(call: Node) -> bool:
    return call.type == "scoped_call_expression" and method(call) == "batch"


def given_back(function: Node) -> Iterator[Node]:
    """The expressions that a closure returns."""
    body = function.child_by_field_name("body")
    if function.type == "arrow_function" and body is not None:
        yield bare(body)
    for statement in returns(function) if function.type != "arrow_function" else ():
        value = first(statement)
        if value is not None:
            yield bare(value)


def appended(function: Node, name: str) -> Iterator[Node]:
    """What `$name[] = …`, `$name->push(…)` and `array_push($name, …)` put into a list."""
    found: list[Node] = []
    waiting = [function]
    while waiting:
        node = waiting.pop()
        waiting += node.named_children
        if node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            holder = first(left) if left is not None and left.type == "subscript_expression" else None
            if holder is not None and text(holder) == f"${name}" and right is not None:
                found.append(right)
        elif node.type in CALLS and method(node) in ("push", "array_push", "prepend"):
            given, on = arguments(node).placed, receiver(node)
            if on is not None and text(on) == f"${name}":
                found += given
            elif on is None and given and text(given[0]) == f"${name}":
                found += given[1:]
    yield from sorted(found, key=lambda node: node.start_byte)
