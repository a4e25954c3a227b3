"""A declared world with a database of its own, and the command line in a folder that names other queues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.cli.program import FILE, Qsup, qsup_in
from tests.courier.rig import Rig
from tests.failures.world import declared


@pytest.fixture
def world(db: Connection[Any]) -> Connection[Any]:
    """The queues `a` and `b`, and Note on `a`."""
    declared(db)
    return db


@pytest.fixture
def qsup(tmp_path: Path, dsn: str) -> Callable[..., Any]:
    """`qsup("failed")`; the file of the folder knows nothing of the declared world, and no supervisor runs."""
    (tmp_path / "queues.yaml").write_text(FILE)
    found: Qsup = qsup_in(tmp_path, dsn)
    return found


@pytest.fixture
def rig(tmp_path: Path, dsn: str) -> Iterator[Rig]:
    """A real courier and a real template that are told nothing yet."""
    found = Rig(tmp_path, dsn)
    yield found
    found.stop()
