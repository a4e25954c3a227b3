"""Which classes of the source are job classes, which class inherits from which, and the job that a value is."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from qsup.check.python import attributes
from qsup.check.python.attributes import Verdict
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.kinds import ANY_VALUE, Foreign, Klass, Made, Root, Unknown, Value
from qsup.check.python.outline import Scope
from qsup.check.source import Module

Job = tuple[str, str]
"""The job class's name, or an empty one and why it is not known."""


Heirs = Callable[[Klass], list[str]]


@dataclass(slots=True)
class Classes:
    """Answers about classes. `modules` are those whose classes count as known."""

    ev: Evaluator
    modules: list[Module] = field(default_factory=list)
    heirs: Heirs | None = None
    """The names of the known classes that inherit from a class; without it the modules are looked through."""
    _verdicts: dict[Scope, Verdict] = field(default_factory=dict)

    def every(self, wanted: Collection[str] | None = None) -> Iterable[Klass]:
        """The classes of the modules, inner ones too; only those of these names, where some are given."""
        for module in self.modules:
            if wanted is None or any(heir.name in wanted for heir in module.summary.classes):
                for klass in of_module(self.ev, module):
                    if wanted is None or klass.name in wanted:
                        yield klass

    def verdict(self, klass: Klass) -> Verdict:
        """Whether it inherits from qsup.Job; unknown when a base leads out of the source."""
        if klass.scope not in self._verdicts:
            self.ev.left = max(self.ev.left, 1000)
            self._verdicts[klass.scope] = attributes.kind(self.ev, klass)
        return self._verdicts[klass.scope]

    def jobs(self, value: Value, routed: Collection[str]) -> list[Job]:
        """The jobs that dispatching `value` puts in; none when it is certainly no job."""
        match value:
            case Made(of=Root()):
                return [("", ANY_VALUE)]
            case Made(of=Klass() as klass, exact=exact):
                return self._of(klass, exact, routed)
            case Foreign(standard=False, module=module, name=name):
                return [("", f"what {name or module} is shows only when it runs")]
            case Unknown(why=why):
                return [("", why)]
            case _:
                return []

    def _of(self, klass: Klass, exact: bool, routed: Collection[str]) -> list[Job]:
        verdict = self.verdict(klass)
        if verdict == "other":
            return []
        if verdict == "unknown" and klass.name not in routed:
            if "dispatch" in klass.scope.names:
                return []
            return [("", f"whether {klass.name} is a job class shows only when it runs")]
        heirs = self.heirs(klass) if self.heirs is not None and not exact else []
        if not heirs:
            return [(klass.name, "")]
        # Not the class itself when it is only the others' base: then nobody makes one.
        names = [name for name in (klass.name, *heirs) if name in routed or name != klass.name]
        if all(name in routed for name in names):
            return [(name, "") for name in dict.fromkeys(names)]
        return [("", f"which of {', '.join(sorted({klass.name, *names}))} it is shows only when it runs")]


def of_module(ev: Evaluator, module: Module) -> Iterable[Klass]:
    """The classes of one module, inner ones too."""
    for scope in ev.outline(module).scopes.values():
        if isinstance(scope.node, ast.ClassDef):
            yield Klass(scope)
