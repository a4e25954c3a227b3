"""Where a dotted name leads in the project: `shop.pay.charge` to the function, through imports and re-exports."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from qsup.check.python.outline import Outline
from qsup.check.source import Function, Imported, Module, Sources

Definition = ast.ClassDef | Function | ast.expr
FARTHEST = 20
"""Imports that are followed one after the other; two modules may import a name from each other."""


@dataclass(slots=True)
class Leads:
    """Follows names; every module is outlined once."""

    sources: Sources
    _outlines: dict[str, Outline] = field(default_factory=dict)

    def find(self, module: Module, name: str) -> tuple[Module, Definition] | None:
        """The project's own definition that the name leads to in `module`; None for anything else."""
        head, *rest = name.split(".")
        found = self._follow(module, head)
        for part in rest:
            if not isinstance(found, str):
                return None
            found = self._inside(found, part)
        return found if isinstance(found, tuple) and self.sources.own(found[0].name) is found[0] else None

    def _follow(self, module: Module, name: str, steps: int = FARTHEST) -> str | tuple[Module, Definition] | None:
        """A definition, or the name of a module or folder."""
        meaning = self._meaning(module, name)
        if meaning is None or steps == 0:
            return None
        if not isinstance(meaning, Imported):
            return module, meaning
        if meaning.name is None:
            return meaning.module
        return self._inside(meaning.module, meaning.name, steps - 1)

    def _inside(self, home: str, name: str, steps: int = FARTHEST) -> str | tuple[Module, Definition] | None:
        # An installed package is none of ours: reading those of the hotspot would take three seconds.
        module = self.sources.own(home)
        found = self._follow(module, name, steps) if module else None
        return found or f"{home}.{name}"

    def _meaning(self, module: Module, name: str) -> Definition | Imported | None:
        if module.name not in self._outlines:
            self._outlines[module.name] = Outline(module)
        for binding in reversed(self._outlines[module.name].top.names.get(name, [])):
            found = binding.imported or (binding.node if binding.kind in ("class", "function") else binding.value)
            if isinstance(found, Imported | Definition):
                return found
        return None
