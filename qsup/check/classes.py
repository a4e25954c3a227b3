"""Which names of the source are job classes: subclasses of qsup.Job, through imports and classes in between."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from qsup.check.source import Found, Imported, Module, Sources, dotted

Verdict = Literal["job", "other", "unknown"]
NO_JOBS = (Imported("pydantic", "BaseModel"), Imported("typing", "Protocol"), Imported("enum", "Enum"))
"""Bases that are met often and are certainly not qsup.Job, whose own source is not read."""

CONSTRUCTORS = ("model_validate", "model_validate_json", "model_construct")


@dataclass(slots=True)
class Classes:
    """Answers about classes; `known` are the job classes found by `collect`, by name."""

    sources: Sources
    known: dict[str, Module] = field(default_factory=dict)
    others: dict[str, Module] = field(default_factory=dict)
    """Classes that are no jobs, for the wording of a problem."""

    def collect(self, files: Iterable[Path]) -> None:
        """Note the classes of `files`."""
        for file in files:
            module = self.sources.read(file)
            for name, meaning in module.names.items():
                if isinstance(meaning, ast.ClassDef):
                    kind = self.verdict(module, name)
                    (self.others if kind == "other" else self.known).setdefault(name, module)

    def verdict(self, module: Module, name: str, steps: int = 8) -> Verdict:
        """Whether `name`, as `module` understands it, is a job class; unknown when its bases lead out of the source."""
        found = self.sources.find(module, name)
        if found is None or steps == 0:
            return "unknown"
        if is_job_itself(found):
            return "job"
        if found.meaning in NO_JOBS:
            return "other"
        if not isinstance(found.meaning, ast.ClassDef) or found.module is None:
            return "unknown"
        return self._by_bases(found.module, found.meaning, steps)

    def _by_bases(self, module: Module, node: ast.ClassDef, steps: int) -> Verdict:
        verdicts: set[Verdict] = set()
        for base in node.bases:
            name = dotted(base.value if isinstance(base, ast.Subscript) else base)
            if name == "object" or (name == node.name):
                continue
            verdicts.add("unknown" if name is None else self._of_base(module, name, steps))
        return "job" if "job" in verdicts else "unknown" if "unknown" in verdicts else "other"

    def _of_base(self, module: Module, name: str, steps: int) -> Verdict:
        if name not in module.names and hasattr(builtins, name):
            return "other"
        return self.verdict(module, name, steps - 1)

    def job_of(self, module: Module, expression: ast.expr) -> tuple[Verdict, str]:
        """The job class that `X(…)` or `X.model_validate(…)` makes, by its own name."""
        if not isinstance(expression, ast.Call):
            return "unknown", ""
        name = dotted(expression.func)
        if name and name.rpartition(".")[2] in CONSTRUCTORS:
            name = name.rpartition(".")[0]
        return self.named(module, name) if name else ("unknown", "")

    def named(self, module: Module, name: str) -> tuple[Verdict, str]:
        """The job class that `name` leads to in `module`, by its own name."""
        found = self.sources.find(module, name)
        own = found.meaning.name if found and isinstance(found.meaning, ast.ClassDef) else ""
        return (self.verdict(module, name) if own else "unknown"), own


def is_job_itself(found: Found) -> bool:
    """True for qsup.Job, by whichever import."""
    if isinstance(found.meaning, Imported):
        return found.meaning in (Imported("qsup", "Job"), Imported("qsup.job", "Job"))
    return found.module is not None and found.module.name == "qsup.job" and found.name == "Job"
