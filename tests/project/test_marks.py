"""What must not be left in the source: silenced checkers without a reason, unfinished marks, paths of one machine."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.project.source import ROOT, Module, modules

EVERYTHING = modules("qsup", "handlers", "bench", "tests", "docs")
SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore)", re.IGNORECASE)
WITH_REASON = re.compile(
    r"# (noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*  +\S.*|type: ignore\[[a-z-]+(, ?[a-z-]+)*\]  # \S.*)"
)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
OUTSIDE = re.compile(r"\.\./shared|/work/(shared|main|wt)")
TEXTS = [
    path
    for folder in ("qsup", "handlers", "bench", "tests", "docs", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and path.suffix in {".py", ".sql", ".yaml", ".md", ".txt", ".json", ".conf", ""}
] + [ROOT / name for name in ("README.md", "CHANGELOG.md", "Makefile", "pyproject.toml", "queues.yaml")]


def comments(module: Module) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("module", EVERYTHING, ids=lambda module: module.shown)
def test_a_silenced_checker_is_named_and_has_a_reason(module: Module) -> None:
    bare = [
        f"{module.shown}:{line}: {comment}"
        for line, comment in comments(module)
        if SILENCED.search(comment) and not WITH_REASON.search(comment)
    ]
    assert not bare, "name the rule and say why:\n" + "\n".join(bare)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_unfinished_or_bound_to_one_machine(path: Path) -> None:
    if path == Path(__file__):
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for number, line in enumerate(lines, 1)
        if UNFINISHED.search(line) or OUTSIDE.search(line)
    ]
    assert not found, "\n".join(found)
