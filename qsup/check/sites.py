"""Where the code dispatches jobs: the shape of a site, and those of one Python file."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from qsup.check.commandlines import in_text
from qsup.check.python.classes import Classes
from qsup.check.python.commands import commands
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import ANY_VALUE
from qsup.check.python.kinship import Kinship
from qsup.check.python.reader import ANY_QUEUE, Reader, Sent, suspects
from qsup.check.python.statements import statements
from qsup.check.recall import Recall
from qsup.check.skimmer import PUBLIC
from qsup.check.source import Module
from qsup.check.summary import typed


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
    recall = Recall(ev.sources)
    names = _Names(ev, recall)
    kinship = Kinship(recall, classes.modules, routed)
    classes.heirs = kinship.heirs
    for module in modules:
        known = names.of(module)
        if not module.summary.sends and len(known) == len(PUBLIC):
            continue

        def find(module: Module = module, known: Collection[str] = known) -> list[list[Any]]:
            # Nothing of what was found out for other modules: each is told by what it asks itself.
            own = Evaluator(ev.sources, ev.outlines)
            return _of_module(module, own, Classes(own, classes.modules, kinship.heirs), routed, known)

        try:
            yield from recall.found("sites", module, [sorted(known), sorted(routed)], find, partial(_read, module.file))
        except RecursionError:
            yield Site(file=module.file, line=1, column=1, why="the file is nested too deeply to be read")


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


@dataclass(slots=True)
class _Names:
    """By which names each module may call dispatch: its own, and those that it imports from the project's others."""

    ev: Evaluator
    recall: Recall
    known: dict[Path, Collection[str]] = field(default_factory=dict)

    def of(self, module: Module) -> Collection[str]:
        """Those of `module`; the public ones alone when it has no others, which almost every module has not."""
        if module.file not in self.known:
            self.known[module.file] = PUBLIC
            more = {name for other in self._imports(module) for name in self._exported(other)} - PUBLIC
            if module.summary.sends or more:
                names = sorted({*PUBLIC, *more})
                self.known[module.file] = self.recall.found(
                    "names", module, names, lambda: sorted(suspects(self.ev.outline(module), names)), _read_names
                )
        return self.known[module.file]

    def _exported(self, module: Module) -> set[str]:
        known = self.of(module)
        return set() if known is PUBLIC else {name for name in known if name in module.summary.names}

    def _imports(self, module: Module) -> Iterator[Module]:
        has = self.ev.sources.has
        for name in sorted(name for name in module.imported() if has(name)):
            other = self.ev.sources.own(name)
            if other is not None:
                yield other


def _of_module(
    module: Module, ev: Evaluator, classes: Classes, routed: Collection[str], names: Collection[str]
) -> list[list[Any]]:
    outline = ev.outline(module)
    reader = Reader(ev, classes, outline, routed, names)
    sent = [*reader.read(), *statements(ev, outline), *commands(ev, outline)]
    return [_raw(module, one) for one in dict.fromkeys(sent)]


def _raw(module: Module, sent: Sent) -> list[Any]:
    assert isinstance(sent.node, ast.expr)  # noqa: S101  what a reader gives
    line, column = sent.node.lineno, module.column(sent.node.lineno, sent.node.col_offset)
    return [line, column, sent.job, sent.queue, sent.why, sent.unclear_queue, sent.node.end_lineno or line]


def _read(file: Path, raw: Any) -> list[Site]:
    """The sites of a file, each once and in its order, from what `_raw` gave."""
    found = dict.fromkeys(_site(file, *one) for one in raw)
    return sorted(found, key=lambda site: (site.line, site.column))


def _read_names(raw: Any) -> frozenset[str]:
    return frozenset(typed(str, name) for name in raw)


def _site(file: Path, line: Any, column: Any, job: Any, queue: Any, why: Any, unclear: Any, end: Any) -> Site:
    return Site(
        file=file,
        line=typed(int, line),
        column=typed(int, column),
        job=typed(str, job),
        queue=queue if queue is None else typed(str, queue),
        why=typed(str, why),
        unclear_queue=typed(bool, unclear),
        end=typed(int, end),
    )
