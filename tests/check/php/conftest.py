from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.php.project import Laravel


@pytest.fixture
def laravel(tmp_path: Path) -> Laravel:
    """An application with a few jobs."""
    return Laravel(tmp_path)
