"""Findings as SARIF 2.1.0, which code scanning services read: OASIS "Static Analysis Results Interchange Format"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from qsup.check.findings import Findings, Unclear
from qsup.check.problem import Problem
from qsup.version import __version__

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
OPEN = "not-verifiable"
"""The rule of sites that cannot be judged; their results are of the kind `open`: too little is known to decide."""


def sarif(findings: Findings, file: str, page: Callable[[str], str]) -> dict[str, Any]:
    """The log. `file` is queues.yaml, to which findings without a file belong; `page` gives a code's Markdown page."""
    rules = [_rule(code, page(code)) for code in sorted({problem.code for problem in findings.problems})]
    if findings.unverifiable:
        rules.append({"id": OPEN, "shortDescription": {"text": "what is dispatched shows only when it runs"}})
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    results = [
        *(_result(problem, file, places[problem.code]) for problem in findings.problems),
        *(_open(site, places[OPEN]) for site in findings.unverifiable),
    ]
    driver = {"name": "qsup", "version": __version__, "semanticVersion": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, page: str) -> dict[str, Any]:
    title = page.partition("\n")[0].partition(": ")[2]
    return {"id": code, "shortDescription": {"text": title}, "help": {"text": page, "markdown": page}}


def _result(problem: Problem, file: str, index: int) -> dict[str, Any]:
    return {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": LEVELS[problem.severity],
        "message": {"text": f"{problem.message}, {problem.hint}" if problem.hint else problem.message},
        "locations": [_location(problem.path or file, problem.line, problem.column)],
        "properties": {name: value for name in ("queue", "job") if (value := getattr(problem, name))},
    }


def _open(site: Unclear, index: int) -> dict[str, Any]:
    return {
        "ruleId": OPEN,
        "ruleIndex": index,
        "kind": "open",
        "level": "none",
        "message": {"text": f"not verifiable: {site.why}"},
        "locations": [_location(site.path, site.line, site.column)],
    }


def _location(path: str, line: int, column: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": ("file://" if path.startswith("/") else "") + quote(path)}}
    if line:
        place["region"] = {"startLine": line} | ({"startColumn": column} if column else {})
    return {"physicalLocation": place}
