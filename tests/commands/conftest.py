"""Real runs and real solo workers, and an operator who commands them from a host that has no queues.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.commands.operator import Operator
from tests.commands.solos import QUEUES, Solos
from tests.supervise.rig import Run


@pytest.fixture
def run(project: Path, dsn: str) -> Iterator[Run]:
    """A project for `qsup run`."""
    rig = Run(project, dsn)
    rig.write(QUEUES)
    yield rig
    rig.close()


@pytest.fixture
def solos(project: Path, dsn: str) -> Iterator[Solos]:
    """A project for `qsup worker`."""
    found = Solos(project, dsn)
    yield found
    found.close()


@pytest.fixture
def ann(dsn: str, tmp_path: Path) -> Operator:
    """An operator with nothing but the DSN."""
    return Operator(dsn, tmp_path)


@pytest.fixture
def second(make_project: Callable[[], AbstractContextManager[Path]], dsn: str) -> Iterator[Run]:
    """Another project, as on another host, with the same queues in the same database."""
    with make_project() as folder:
        rig = Run(folder, dsn)
        rig.write(QUEUES)
        yield rig
        rig.close()
