"""Which classes inherit from a job class. Only files whose summaries leave it open are looked at more closely."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsup.check.python import attributes
from qsup.check.python.classes import of_module
from qsup.check.python.evaluate import Evaluator, is_standard
from qsup.check.python.kinds import Klass
from qsup.check.recall import Recall
from qsup.check.source import Module, resolved
from qsup.check.summary import Heir, Import, typed

FURTHEST = 50
"""Steps from a class to its base, or of an import of an import, that are followed; more is a circle."""


@dataclass(slots=True)
class Kinship:
    """The heirs among the classes of `modules`. `routed` are the names of the jobs of queues.yaml."""

    recall: Recall
    modules: Iterable[Module]
    routed: Collection[str]
    ev: Evaluator = field(init=False)
    _heirs: dict[str, list[str]] | None = None
    _known: dict[tuple[Path, str], bool] = field(default_factory=dict)
    _names: dict[Path, tuple[dict[str, Import], dict[str, Heir]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ev = Evaluator(self.recall.sources)
        self.recall.sources.oracles["heirs"] = lambda klass: " ".join(self._every().get(klass, ()))

    def heirs(self, klass: Klass) -> list[str]:
        """The names of the classes that inherit from it, by whatever way."""
        self.recall.sources.asked["heirs", _place(klass)] = None
        return self._every().get(_place(klass), [])

    def _every(self) -> dict[str, list[str]]:
        if self._heirs is None:
            self._heirs = {}
            with self.recall.sources.listening():
                for module in self.modules:
                    self._note(module, self._heirs)
        return self._heirs

    def _note(self, module: Module, heirs: dict[str, list[str]]) -> None:
        if self.may_have_heirs(module):
            for name, above in self.recall.found("kin", module, None, lambda: self._ancestors(module), _read):
                for klass in above:
                    heirs.setdefault(klass, []).append(name)

    def _ancestors(self, module: Module) -> list[tuple[str, list[str]]]:
        """Of each class in the module, those it inherits from."""
        ev = Evaluator(self.recall.sources, self.ev.outlines)
        heirs = [klass for klass in of_module(ev, module) if klass.node.bases]
        found = []
        for klass in heirs:
            ev.left = 1000
            above = attributes.lineage(ev, klass)[1:]
            found.append((klass.name, [_place(one) for one in above if isinstance(one, Klass)]))
        return found

    def may_have_heirs(self, module: Module) -> bool:
        """False when no class in it inherits from qsup.Job, or from a class that is called like a routed job."""
        return any(self._leads(module, base, 0) for heir in module.summary.classes for base in heir.bases)

    def _leads(self, module: Module, base: str, steps: int) -> bool:
        """Whether the base may be, or inherit from, such a class. True also when its words do not tell."""
        if not base or steps > FURTHEST:
            return True
        head, _, rest = base.partition(".")
        single, alone = self._bound(module)
        if head in single:
            return self._imported(module, single[head], rest, steps)
        return head in alone and self._class(module, alone[head], rest, steps)

    def _bound(self, module: Module) -> tuple[dict[str, Import], dict[str, Heir]]:
        if module.file not in self._names:
            classes = {heir.name: heir for heir in module.summary.classes if heir.alone}
            self._names[module.file] = dict(module.summary.single), classes
        return self._names[module.file]

    def _class(self, module: Module, heir: Heir, rest: str, steps: int) -> bool:
        if rest or heir.name in self.routed:
            return True
        key = module.file, heir.name
        if key not in self._known:
            self._known[key] = True
            self._known[key] = any(self._leads(module, base, steps + 1) for base in heir.bases)
        return self._known[key]

    def _imported(self, module: Module, what: Import, rest: str, steps: int) -> bool:
        level, name, inner = what
        return self._inside(resolved(level, name, module.package), ".".join(filter(None, (inner, rest))), steps + 1)

    def _inside(self, name: str, what: str, steps: int) -> bool:
        """Whether `what` of the module `name` may be such a class."""
        if name.partition(".")[0] == "qsup" or steps > FURTHEST:
            return True
        sources = self.recall.sources
        if not what or (is_standard(name) and not sources.has(name)):
            return False
        head, _, rest = what.partition(".")
        module = sources.module(name)
        if module is not None and (head in module.summary.names or module.open):
            single, alone = self._bound(module)
            return self._leads(module, what, steps) if head in single or head in alone else True
        return sources.module(f"{name}.{head}") is not None and self._inside(f"{name}.{head}", rest, steps + 1)


def _read(raw: Any) -> list[tuple[str, list[str]]]:
    return [(typed(str, name), [typed(str, klass) for klass in above]) for name, above in raw]


def _place(klass: Klass) -> str:
    """What names a class in every run: the contents that it is in, and where."""
    module, node = klass.scope.module, klass.node
    return f"{module.name} {module.digest} {node.lineno} {node.col_offset}"
