"""The page on the hotspot's tables is what the tables are."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import psycopg

from tests.project.source import ROOT


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_datamodel", ROOT / "docs" / "datamodel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_on_the_tables_is_what_the_tables_are(tables: str) -> None:
    made = generator()
    with psycopg.connect(tables) as conn:
        assert made.PAGE.read_text() == made.page(conn), "write it again: make docs"


def test_every_table_says_what_a_row_is(tables: str) -> None:
    with psycopg.connect(tables) as conn:
        silent = [name for name, comment in conn.execute(generator().TABLES) if not comment]
    assert not silent, f"no COMMENT ON TABLE: {silent}"
