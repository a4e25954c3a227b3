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
from qsup.check.python.kinds import ANY_VALUE, Missing
from qsup.check.python.kinship import Kinship
from qsup.check.python.reader import ANY_QUEUE, Reader, Sent, suspects
from qsup.check.python.statements import statements
from qsup.check.recall import Recall
from qsup.check.skimmer import PUBLIC
from qsup.check.source import Module, Sources
from qsup.check.summary import typed

Place = tuple[Path, int]
"""A file and a line in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A name that is not there: where it is used, and the hint which was meant."""

    file: Path
    line: int
    column: int
    hint: str


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
    begin: int = 0
    """The first line of the call, or of the text that it stands in; 0: its own line."""
    end: int = 0
    """The last one."""
    unclear_queue: bool = False
    """It names a queue that only running the code would tell."""
    spelt: Place | None = field(default=None, compare=False)
    """Where the queue's name stands."""
    missing: Absent | None = None
    """The name that it needs and that is not there; `why` says the same."""


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
            yield from recall.found(
                "sites", module, [sorted(known), sorted(routed)], find, partial(_read, module, ev.sources)
            )
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
    first, why = sent.node.lineno, sent.why
    line, column = sent.at or (first, module.column(first, sent.node.col_offset))
    absent = [why.module, why.line, why.column, why.hint] if isinstance(why, Missing) else None
    spelt = list(sent.written) if sent.written else None
    end = sent.node.end_lineno or first
    return [line, column, sent.job, sent.queue, str(why), sent.unclear_queue, first, end, spelt, absent]


def _read(module: Module, sources: Sources, raw: Any) -> list[Site]:
    """The sites of a file, each once and in its order, from what `_raw` gave."""
    found = dict.fromkeys(_site(module, sources, *one) for one in raw)
    return sorted(found, key=lambda site: (site.line, site.column))


def _read_names(raw: Any) -> frozenset[str]:
    return frozenset(typed(str, name) for name in raw)


def _site(
    module: Module, sources: Sources, line: Any, column: Any, job: Any, queue: Any, why: Any, unclear: Any, begin: Any,
    end: Any, spelt: Any, absent: Any,
) -> Site:  # fmt: skip
    return Site(
        file=module.file,
        line=typed(int, line),
        column=typed(int, column),
        job=typed(str, job),
        queue=queue if queue is None else typed(str, queue),
        why=typed(str, why),
        unclear_queue=typed(bool, unclear),
        begin=typed(int, begin),
        end=typed(int, end),
        spelt=None if spelt is None else _spelt(module, sources, *spelt),
        missing=None if absent is None else _absent(module, sources, *absent),
    )


def _spelt(module: Module, sources: Sources, name: Any, line: Any) -> Place:
    return _file(module, sources, name), typed(int, line)


def _absent(module: Module, sources: Sources, name: Any, line: Any, column: Any, hint: Any) -> Absent:
    file = _file(module, sources, name)
    return Absent(file=file, line=typed(int, line), column=typed(int, column), hint=typed(str, hint))


def _file(module: Module, sources: Sources, name: Any) -> Path:
    """The file of the module `name`, which `module` is or has led to."""
    other = sources.module(typed(str, name)) if name != module.name else None
    return other.file if other else module.file
