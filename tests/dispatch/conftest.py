"""A declared world, and the process's own connection pointed at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import Connection

from qsup import dispatching
from tests.dispatch.jobs import declare_world

Rows = Callable[[], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def own(dsn: str, db: Connection[Any]) -> Iterator[dispatching.OwnConnection]:
    """This process's own connection for dispatches without `conn`; closed at the end."""
    declare_world(db)
    dispatching.own.dsn = dsn
    yield dispatching.own
    dispatching.own.close()
    dispatching.own.dsn = ""


@pytest.fixture
def stored(db: Connection[Any]) -> Rows:
    """`stored()`: (id, type, queue, state, payload) of what was dispatched since the world was declared."""

    def look() -> list[tuple[Any, ...]]:
        query = "SELECT id, type, queue, state, payload FROM qsup.jobs WHERE queue <> 'old' ORDER BY id"
        return db.execute(query).fetchall()

    return look
