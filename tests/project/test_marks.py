"""What must not be left in the source: silenced checkers without a reason, unfinished marks, paths of one machine."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

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


def test_a_silenced_checker_is_named_and_has_a_reason() -> None:
    bare = [
        f"{module.shown}:{line}: {comment}"
        for module in EVERYTHING
        if SILENCED.search(module.text)
        for line, comment in comments(module)
        if SILENCED.search(comment) and not WITH_REASON.search(comment)
    ]
    assert not bare, "name the rule and say why:\n" + "\n".join(bare)


def test_nothing_is_left_unfinished_or_bound_to_one_machine() -> None:
    found = [line for path in TEXTS if path != Path(__file__) for line in marked(path)]
    assert not found, "\n".join(found)


def marked(path: Path) -> list[str]:
    """The lines of a file that must not stay."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if not (UNFINISHED.search(text) or OUTSIDE.search(text)):
        return []
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line) or OUTSIDE.search(line)
    ]
