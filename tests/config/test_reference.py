"""The reference of keys and of problems says what the code does."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CODE = re.compile(r"Q\d{3}")


def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_keys", DOCS / "keys.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def codes_in_source() -> set[str]:
    """Every problem code that the program can give."""
    found = set()
    for file in (ROOT / "qsup").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                found.add(node.value)
    return found


def test_the_tables_of_keys_are_current() -> None:
    text = (DOCS / "reference" / "queues-yaml.md").read_text(encoding="utf-8")
    assert text == writer().page(text), "a key has changed: make docs"
    assert text.count("<!-- table: ") == 5


def test_every_problem_is_documented_once_and_no_other() -> None:
    text = (DOCS / "reference" / "problems.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| \[(Q\d{3})\]\(../../qsup/pages/\1\.md\) \|", text, re.MULTILINE)
    assert sorted(documented) == sorted(codes_in_source())


def test_the_severities_are_documented() -> None:
    text = (DOCS / "reference" / "problems.md").read_text(encoding="utf-8")
    notes = dict(re.findall(r"^\| \[(Q[0-5]\d{2})\]\S+ \| (Warning|Info):", text, re.MULTILINE))
    expected = "Q108 Q109 Q110 Q111 Q113 Q114 Q115 Q116 Q117 Q211 Q303 Q304 Q305 Q306 Q307 Q312 Q313 Q314"
    expected += " Q407 Q408 Q409 Q410 Q411 Q502"
    assert sorted(notes) == expected.split()
