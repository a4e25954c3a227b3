"""Where the code dispatches jobs: the shape of a site, and those of one Python file."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qsup.check.commandlines import in_text
from qsup.check.python.classes import Classes
from qsup.check.python.commands import commands
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import ANY_VALUE
from qsup.check.python.reader import ANY_QUEUE, PUBLIC, Reader, Sent, suspects
from qsup.check.python.statements import statements
from qsup.check.source import Module


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One job that one call dispatches. `job` is empty when only running the code would tell; `why` says so."""

    file: Path
    line: int
    column: int
    """From 1, in characters."""
    job: str = ""
    queue: str | None = None
    """The queue that the site itself names."""
    why: str = ""
    end: int = 0
    """The last line of the call."""
    unclear_queue: bool = False
    """It names a queue that only running the code would tell."""


def sites(modules: Iterable[Module], ev: Evaluator, classes: Classes, routed: Collection[str]) -> Iterator[Site]:
    """The dispatch sites in `modules`, each file's in its order. `routed` are the names of the jobs of queues.yaml."""
    every = list(modules)
    exported = _exported(every, ev)
    for module in every:
        if not _may_dispatch(module, exported):
            continue
        try:
            found = _of_module(module, ev, classes, routed, exported)
        except RecursionError:
            found = [Site(file=module.file, line=1, column=1, why="the file is nested too deeply to be read")]
        yield from sorted(found, key=lambda site: (site.line, site.column))


def in_script(file: Path, text: str) -> list[Site]:
    """The sites of a shell script or crontab."""
    return [
        Site(
            file=file,
            line=found.line,
            column=found.column,
            job=found.job,
            queue=found.queue,
            why=ANY_VALUE if not found.job else ANY_QUEUE if found.unclear_queue else "",
            end=found.line,
            unclear_queue=found.unclear_queue,
        )
        for found in in_text(text)
    ]


def _exported(modules: list[Module], ev: Evaluator) -> set[str]:
    """The names by which other modules may import something that dispatches."""
    names = set(PUBLIC)
    for _ in range(2):  # an alias of an alias; a longer chain has the same name in it, or nobody could follow it
        for module in modules:
            if _may_dispatch(module, names):
                outline = ev.outline(module)
                names |= suspects(outline, names) & outline.top.names.keys()
    return names


def _may_dispatch(module: Module, names: Collection[str]) -> bool:
    """Almost no file does, and looking at its bytes is cheap; only an alias from elsewhere may not have the word."""
    if module.dispatches or len(names) == len(PUBLIC):
        return module.dispatches
    return any(_word(node) in names for node in ast.walk(module.tree))


def _word(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            return name
        case _:
            return ""


def _of_module(
    module: Module, ev: Evaluator, classes: Classes, routed: Collection[str], exported: Collection[str]
) -> list[Site]:
    outline = ev.outline(module)
    reader = Reader(ev, classes, outline, routed, suspects(outline, exported))
    sent = [*reader.read(), *statements(ev, outline), *commands(ev, outline)]
    return list(dict.fromkeys(_site(module, one) for one in sent))


def _site(module: Module, sent: Sent) -> Site:
    assert isinstance(sent.node, ast.expr)  # noqa: S101  what a reader gives
    return Site(
        file=module.file,
        line=sent.node.lineno,
        column=module.column(sent.node.lineno, sent.node.col_offset),
        job=sent.job,
        queue=sent.queue,
        why=sent.why,
        unclear_queue=sent.unclear_queue,
        end=sent.node.end_lineno or sent.node.lineno,
    )
