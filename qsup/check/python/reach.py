"""Which jobs' handlers come to which functions: the handler itself, and what of the project it names, and so on.

By names alone: a function that a handler mentions may be called by it. What only a value leads to (a method of an
object that somebody hands over) is not followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qsup.check.python.leads import Definition, Leads
from qsup.check.source import Module, Sources
from qsup.routing import Routing


@dataclass(frozen=True, slots=True)
class Span:
    """The lines of a definition that a job's handler, or its `failed` hook, comes to."""

    first: int
    last: int
    job: str


@dataclass(slots=True)
class Reach:
    """The answer, file by file."""

    spans: dict[Path, list[Span]] = field(default_factory=dict)

    def jobs(self, file: Path, line: int) -> tuple[str, ...]:
        """The jobs whose handlers come to this line; none for code of the application."""
        spans = self.spans.get(file.resolve(), [])
        return tuple(dict.fromkeys(span.job for span in spans if span.first <= line <= span.last))


def reach(routing: Routing, root: Path) -> Reach:
    """Follow the handlers of every job; `root` is the folder of queues.yaml."""
    leads, found = Leads(Sources(root)), Reach()
    known: dict[ast.AST, list[tuple[Module, Definition]]] = {}
    for route in routing.routes.values():
        for name in filter(None, (route.handler, route.failed)):
            for module, node in _from(leads, name, known):
                first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
                span = Span(first, node.end_lineno or node.lineno, route.job)
                found.spans.setdefault(module.file.resolve(), []).append(span)
    return found


def _from(
    leads: Leads, handler: str, known: dict[ast.AST, list[tuple[Module, Definition]]]
) -> Iterator[tuple[Module, Definition]]:
    """Every definition that the handler comes to, itself the first."""
    module_name, _, function = handler.partition(":")
    module = leads.sources.own(module_name)
    waiting = _found(leads, module, function) if module else []
    seen: set[ast.AST] = set()
    while waiting:
        here, node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        yield here, node
        if node not in known:
            known[node] = [one for name in _mentioned(node) for one in _found(leads, here, name)]
        waiting += known[node]


def _found(leads: Leads, module: Module, name: str) -> list[tuple[Module, Definition]]:
    found = leads.find(module, name)
    return [] if found is None else [found]


def _mentioned(node: Definition) -> dict[str, None]:
    """The names in it that are not its own variables, each once: `charge`, `shop.pay.charge`."""
    own, found = _own_names(node), dict[str, None]()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute) and isinstance(inner.ctx, ast.Load):
            name = _dotted(inner)
            if name is not None and name.partition(".")[0] not in own:
                found[name] = None
    return found


def _dotted(node: ast.expr) -> str | None:
    """`a.b.c` of such an expression; None of any other."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _own_names(node: Definition) -> set[str]:
    """Its parameters and variables; an import inside it is none, the module knows that name."""
    names: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            names.add(inner.arg)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
    return names
