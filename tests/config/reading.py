"""What the tests of queues.yaml share: a text in, problems as the lines that people see out."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from qsup.check.problem import in_order
from qsup.check.rules import check
from qsup.config import Parsed, parse


def lines(text: str, environ: Mapping[str, str] | None = None, *, quiet: bool = True) -> list[str]:
    """The problems of `text`, without the notes when `quiet`, as printed."""
    parsed = parse(dedent(text), "queues.yaml", environ or {})
    found = in_order([*parsed.problems, *check(parsed)])
    return [str(problem) for problem in found if not quiet or problem.severity != "info"]


def parsed(text: str, environ: Mapping[str, str] | None = None) -> Parsed:
    """The parsed text, which must be without errors and warnings."""
    assert lines(text, environ) == []
    return parse(dedent(text), "queues.yaml", environ or {})
