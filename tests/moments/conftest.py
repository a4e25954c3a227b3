"""Hosts for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qsup.embedded import Server
from tests.conftest import migrated_database
from tests.moments.host import Host

Make = Callable[..., Host]
Folders = Callable[[], AbstractContextManager[Path]]


@contextmanager
def hosts_on(dsn: str, make_project: Folders) -> Iterator[Make]:
    """What makes hosts on this database; all are ended at the end."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE effects (text text)")
    with ExitStack() as stack:

        def make(**settings: Any) -> Host:
            made = Host(stack.enter_context(make_project()), dsn, **settings)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def make_host(dsn: str, make_project: Folders) -> Iterator[Make]:
    """`make_host(tries=1)`: a host with these settings of its queue, on the test's database."""
    with hosts_on(dsn, make_project) as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_host(server: Server, template: str, make_project: Folders) -> Iterator[Make]:
    """The same for a host that the tests of a module share, on a database of their own."""
    with migrated_database(server, template) as dsn, hosts_on(dsn, make_project) as make:
        yield make


@pytest.fixture
def host(make_host: Make) -> Host:
    """One host, not started."""
    return make_host()
