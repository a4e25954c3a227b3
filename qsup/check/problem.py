"""One finding about queues.yaml, the code or the database, and how it reads.

Plain data without imports of its own: the config parser below `check` makes Problems too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, where, and what to do; `code` is documented in docs/reference/problems.md."""

    code: str
    severity: Severity = "error"
    path: str = ""
    """The file, as the user named it; empty for a finding in the database."""
    line: int = 0
    """From 1; 0 = the file as a whole."""
    column: int = 0
    message: str
    hint: str = ""
    queue: str | None = None
    job: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    def __str__(self) -> str:
        """`queues.yaml:14:7: what is wrong, expected what, did you mean this? [Q010]`."""
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        label = "" if self.severity == "error" else f"{self.severity}: "
        hint = f", {self.hint}" if self.hint else ""
        return printable(f"{place + ': ' if place else ''}{label}{self.message}{hint} [{self.code}]")


def printable(text: str) -> str:
    """On one line and harmless to a terminal, whatever a file or a row may hold."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def counted(number: int, noun: str) -> str:
    """`1 job`, `2,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint "did you mean …?" with the known name most like `name`; empty when none is like it."""
    by_lower = {other.lower().replace("-", "_"): other for other in known}
    found = get_close_matches(name.lower().replace("-", "_"), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[found[0]]}?" if found else ""


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file and place, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (problem.path, problem.line, problem.column)))
