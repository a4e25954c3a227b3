"""A whole `qsup run` for each test, as a role that does not own the schema, and a command line."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.cli.conftest import fresh, qsup, shop
from tests.supervise.conftest import run
from tests.supervise.rig import Run
from tests.surroundings import roles

__all__ = ["fresh", "qsup", "run", "shop"]


@pytest.fixture
def role(db: psycopg.Connection, dsn: str) -> Iterator[roles.Role]:
    """A role for the runtime."""
    with roles.role(db, dsn) as found:
        yield found


@pytest.fixture
def guest(role: roles.Role, run: Run) -> Iterator[Run]:
    """A run that works as this role; the test's own statements are the owner's."""
    run.runtime_dsn = role.dsn
    yield run
    run.close()
