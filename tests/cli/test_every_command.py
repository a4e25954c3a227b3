"""Each command in a Python of its own: it loads what it needs itself, which tests that share one process cannot see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qsup.cli import COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_it_starts_alone(name: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "qsup", name, "--help"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: python -m qsup {name} ")
