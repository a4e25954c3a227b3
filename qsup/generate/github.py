"""Findings as commands of a GitHub workflow: lines of output that become annotations of a pull request.

The syntax and what must be escaped: "Workflow commands for GitHub Actions", and `command.ts` of actions/toolkit.
"""

from __future__ import annotations

from collections.abc import Iterator

from qsup.check.findings import Findings
from qsup.check.problem import Problem

Place = dict[str, str | int]
LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def workflow_lines(findings: Findings) -> Iterator[str]:
    """One line for each problem and for each site that cannot be judged."""
    for problem in findings.problems:
        yield _line(LEVELS[problem.severity], _place(problem), _said(problem))
    for site in findings.unverifiable:
        place: Place = {"file": site.path, "line": site.line, "col": site.column, "title": "not verifiable"}
        yield _line("notice", place, site.why)


def _place(problem: Problem) -> Place:
    place: Place = {"file": problem.path, "line": problem.line, "col": problem.column, "title": problem.code}
    return {name: value for name, value in place.items() if value}


def _said(problem: Problem) -> str:
    return f"{problem.message}, {problem.hint}" if problem.hint else problem.message


def _line(level: str, place: Place, message: str) -> str:
    given = ",".join(f"{name}={_property(str(value))}" for name, value in place.items())
    return f"::{level} {given}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as the runner unescapes it: a line break would end the command, and what follows could be another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
