"""A ward for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qsup.embedded import Server
from tests.badhandlers.ward import Ward
from tests.conftest import migrated_database


@pytest.fixture
def ward(tmp_path: Path, dsn: str) -> Iterator[Ward]:
    """A courier and a template that are told nothing yet, with the table `effects` for transactions."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE effects (text text UNIQUE)")
    found = Ward(tmp_path, dsn)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def long_ward(tmp_path_factory: pytest.TempPathFactory, server: Server, template: str) -> Iterator[Ward]:
    """One that is open for a whole file: misery upon misery."""
    with migrated_database(server, template) as dsn:
        found = Ward(tmp_path_factory.mktemp("ward"), dsn).open(timeout=10.0)
        # What a worker puts back depends on whether the job has imported anything; after this one none does.
        found.ends("prints one line")
        yield found
        found.stop()
