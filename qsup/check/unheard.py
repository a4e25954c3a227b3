"""Which findings an edit answers for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qsup.check.problem import Problem


def new(found: Sequence[Problem], before: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Those that were not there before: an edit answers for what it changes, not for what was already so."""
    known = {_identity(one) for one in before}
    return [problem for problem in found if _identity(problem.to_dict()) not in known]


def _identity(problem: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(problem.get(name) for name in ("code", "path", "queue", "job"))
