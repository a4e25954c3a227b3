"""Where the code dispatches jobs: the shape of a site, and those of one Python file."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qsup.check.commandlines import in_text
from qsup.check.python.classes import Classes
from qsup.check.python.commands import commands
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import ANY_VALUE, Missing
from qsup.check.python.reader import ANY_QUEUE, PUBLIC, Reader, Sent, suspects
from qsup.check.python.statements import statements
from qsup.check.source import Imported, Module

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
    names = _Names(ev)
    for module in modules:
        try:
            found = _of_module(module, ev, classes, routed, names.of(module))
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


@dataclass(slots=True)
class _Names:
    """By which names each module may call dispatch: its own, and those that it imports from the project's others."""

    ev: Evaluator
    known: dict[Path, Collection[str]] = field(default_factory=dict)

    def of(self, module: Module) -> Collection[str]:
        """Those of `module`; the public ones alone when it has no others, which almost every module has not."""
        if module.file not in self.known:
            self.known[module.file] = PUBLIC
            more = {name for other in self._imports(module) for name in self._exported(other)} - PUBLIC
            if module.dispatches or more:
                self.known[module.file] = suspects(self.ev.outline(module), {*PUBLIC, *more})
        return self.known[module.file]

    def _exported(self, module: Module) -> set[str]:
        return {name for name in self.of(module) if name in module.names}

    def _imports(self, module: Module) -> Iterator[Module]:
        names = set(module.loaded)
        for meaning in module.names.values():
            if isinstance(meaning, Imported):
                names |= {meaning.module, f"{meaning.module}.{meaning.name}" if meaning.name else meaning.module}
        for name in sorted(names):
            other = self.ev.sources.own(name)
            if other is not None:
                yield other


def _of_module(
    module: Module, ev: Evaluator, classes: Classes, routed: Collection[str], names: Collection[str]
) -> list[Site]:
    if not module.dispatches and len(names) == len(PUBLIC):
        return []
    outline = ev.outline(module)
    reader = Reader(ev, classes, outline, routed, names)
    sent = [*reader.read(), *statements(ev, outline), *commands(ev, outline)]
    return list(dict.fromkeys(_site(module, one, ev) for one in sent))


def _site(module: Module, sent: Sent, ev: Evaluator) -> Site:
    assert isinstance(sent.node, ast.expr)  # noqa: S101  what a reader gives
    why, written, first = sent.why, sent.written, sent.node.lineno
    line, column = sent.at or (first, module.column(first, sent.node.col_offset))
    return Site(
        file=module.file,
        line=line,
        column=column,
        job=sent.job,
        queue=sent.queue,
        why=sent.why,
        unclear_queue=sent.unclear_queue,
        begin=first,
        end=sent.node.end_lineno or first,
        spelt=(_file(written[0], module, ev), written[1]) if written else None,
        missing=_absent(why, module, ev) if isinstance(why, Missing) else None,
    )


def _absent(why: Missing, module: Module, ev: Evaluator) -> Absent:
    return Absent(file=_file(why.module, module, ev), line=why.line, column=why.column, hint=why.hint)


def _file(name: str, module: Module, ev: Evaluator) -> Path:
    """The file of the module `name`, which `module` is or has led to."""
    other = ev.sources.module(name) if name != module.name else None
    return other.file if other else module.file
