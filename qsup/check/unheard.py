"""Which findings an edit answers for, and which of them say that nobody hears. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qsup.check.problem import Problem

OF_NOBODY = ("Q101", "Q102", "Q108", "Q210", "Q212", "Q213", "Q215", "Q401", "Q611", "Q613")
"""A job without a queue, a queue without workers, and every place in code, in a comment or in PHP that names one."""


def new(found: Sequence[Problem], before: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Those that were not there before: an edit answers for what it changes, not for what was already so."""
    known = {_identity(one) for one in before}
    return [problem for problem in found if _identity(problem.to_dict()) not in known]


def _identity(problem: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(problem.get(name) for name in ("code", "path", "queue", "job"))


def nobody_hears(problem: Problem) -> bool:
    """Whether it says that a job, or a queue, has nobody who would run it: what `qsup graph` draws in red."""
    # Beside Laravel's programs it is no error: `qsup run` starts the file's own workers then, and they do hear.
    return problem.code in OF_NOBODY and (problem.code != "Q613" or problem.severity == "error")
