from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in order."""
    return Project(tmp_path)
