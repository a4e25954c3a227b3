"""Hosts for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.moments.host import Host

Make = Callable[..., Host]


@pytest.fixture
def make_host(dsn: str, make_project: Callable[[], AbstractContextManager[Path]]) -> Iterator[Make]:
    """`make_host(tries=1)`: a host with these settings of its queue, on the test's database."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE effects (text text)")
    with ExitStack() as stack:

        def make(**settings: Any) -> Host:
            made = Host(stack.enter_context(make_project()), dsn, **settings)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def host(make_host: Make) -> Host:
    """One host, not started."""
    return make_host()
