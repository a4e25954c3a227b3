"""A run for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervise.rig import Run


@pytest.fixture
def run(project: Path, dsn: str) -> Iterator[Run]:
    rig = Run(project, dsn)
    yield rig
    rig.close()
