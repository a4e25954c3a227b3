"""A ward for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.badhandlers.ward import Ward


@pytest.fixture
def ward(tmp_path: Path, dsn: str) -> Iterator[Ward]:
    """A courier and a template that are told nothing yet, with the table `effects` for transactions."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE effects (text text UNIQUE)")
    found = Ward(tmp_path, dsn)
    yield found
    found.stop()
