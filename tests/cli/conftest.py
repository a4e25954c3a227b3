"""A project with a queues.yaml, and the command line in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import FILE, Qsup, qsup_in


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of a queues.yaml."""
    (tmp_path / "queues.yaml").write_text(FILE)
    return tmp_path


@pytest.fixture
def qsup(shop: Path, dsn: str) -> Qsup:
    """`qsup("apply")` with a migrated database."""
    return qsup_in(shop, dsn)


@pytest.fixture
def fresh(shop: Path, empty_dsn: str) -> Qsup:
    """`fresh("migrate")` with an empty database."""
    return qsup_in(shop, empty_dsn)
