"""Everything that one run of `qsup validate` found, as plain data for its faces: text, JSON, annotations, SARIF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from qsup.check.problem import Problem, Severity, printable
from qsup.errors import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """A dispatch site whose job or queue only running the code would tell."""

    path: str
    line: int
    column: int
    job: str | None
    queue: str | None
    why: str

    def __str__(self) -> str:
        """`app/site.py:5:1: not verifiable: why`."""
        return printable(f"{self.path}:{self.line}:{self.column}: not verifiable: {self.why}")


def answered(problems: Iterable[Problem], queues: Collection[str | None]) -> tuple[Problem, ...]:
    """What was found in queues.yaml alone, without what the code answers: `queues` are those that its calls name."""
    return tuple(found for found in problems if found.code != "Q109" or found.queue not in queues)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The problems, the sites that cannot be judged, and how many sites there are in all."""

    problems: tuple[Problem, ...]
    unverifiable: tuple[Unclear, ...] = ()
    sites: int = 0

    def count(self, severity: Severity) -> int:
        """How many problems of this severity there are."""
        return Counter(problem.severity for problem in self.problems)[severity]

    def exit_code(self, *, strict: bool) -> ExitCode:
        """How a check ends that found this; with `strict` a warning is as good as an error."""
        grave = self.count("error") or (strict and self.count("warning"))
        return ExitCode.ERROR if grave else ExitCode.OK

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values: what `--json` prints."""
        return {
            "problems": [problem.to_dict() for problem in self.problems],
            "unverifiable": [asdict(site) for site in self.unverifiable],
            "sites": self.sites,
        }
