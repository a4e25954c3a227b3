"""A rig of courier and template, or a whole run, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.courier.rig import Rig
from tests.limits.looping import Looping


@pytest.fixture
def rig(tmp_path: Path, dsn: str) -> Iterator[Rig]:
    """A courier and a template that are told nothing yet, with the table `effects` for transactions."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE effects (text text)")
    found = Rig(tmp_path, dsn)
    yield found
    found.stop()


@pytest.fixture
def run(project: Path, dsn: str) -> Iterator[Looping]:
    """A whole run that is not started yet."""
    found = Looping(project, dsn)
    yield found
    found.close()
