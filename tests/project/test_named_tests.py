"""The pages that say how each failure and each rule is tested name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.source import ROOT

PAGES = [ROOT / "docs" / "explanation" / "failures.md", ROOT / "docs" / "reference" / "rules.md"]
NAME = re.compile(r"(tests/[\w/]+\.py)(?:::(test_\w+))?|::(test_\w+)")


def named(line: str) -> list[tuple[str, str]]:
    """(file, test) of every test that a line names; `::test_x` alone is of the file named before."""
    found, file = [], ""
    for match in NAME.finditer(line):
        file = match[1] or file
        found.append((file, match[2] or match[3] or ""))
    return found


def rows(page: Path) -> list[str]:
    """The lines of the page's tables, without their heads."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [line for line in lines if not line.startswith(("|---", "| what fails ", "| rule "))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_line_names_its_tests_and_they_exist(page: Path) -> None:
    for line in rows(page):
        tests = named(line.rstrip(" |").rpartition("|")[2])
        assert tests or "`make chaos" in line, f"no test is named: {line}"
        for file, test in tests:
            text = (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).exists() else ""
            assert text, f"{file} is not there: {line}"
            assert not test or f"def {test}(" in text, f"{file} has no {test}: {line}"
