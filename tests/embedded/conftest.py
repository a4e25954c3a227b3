"""Processes that use an embedded server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .scene import User

# These need root; CI is root, and there a skip would be a failure.
collect_ignore = [] if os.geteuid() == 0 else ["test_as_root.py"]


@pytest.fixture
def home(project: Path) -> Path:
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
