"""Processes that use an embedded server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from qsup import embedded

from .scene import User

# These need root; CI is root, and there a skip would be a failure.
collect_ignore = [] if os.geteuid() == 0 else ["test_as_root.py"]


@pytest.fixture(scope="session")
def old_home(make_project: Callable[[], AbstractContextManager[Path]]) -> Iterator[Path]:
    """A project with a database that was made before: initdb is most of what these tests would wait for."""
    with make_project() as folder:
        embedded.ensure(folder / ".qsup").stop_if_unused()
        yield folder / ".qsup"


@pytest.fixture
def home(old_home: Path) -> Iterator[Path]:
    """The `.qsup` directory of a project whose server is not running."""
    yield old_home
    embedded.stop(old_home, force=True)


@pytest.fixture
def fresh_home(project: Path) -> Path:
    """The `.qsup` directory of an empty project."""
    return project / ".qsup"


@pytest.fixture
def user() -> Iterator[Callable[..., User]]:
    """`user(home, **environment)`: a new process that uses the server."""
    users: list[User] = []

    def begin(home: Path, **environment: str) -> User:
        users.append(User(home, **environment))
        return users[-1]

    yield begin
    for one in users:
        one.kill()
