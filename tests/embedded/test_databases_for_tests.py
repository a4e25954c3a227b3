"""The session's server and the databases that every other test gets from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg


def test_each_test_gets_a_database_of_its_own(dsn: str, empty_dsn: str, db: psycopg.Connection) -> None:
    assert dsn != empty_dsn
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT current_database()").fetchone() != _name(db)
        assert connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'qsup'").fetchone() == (0,)


def test_a_skipped_test_fails_the_run_on_ci_only(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent.parent / "conftest.py", tmp_path)
    (tmp_path / "test_one.py").write_text("import pytest\ndef test_one(): pytest.skip('no reason')\n")
    elsewhere = _pytest_in(tmp_path, {})
    ci = _pytest_in(tmp_path, {"CI": "true"})
    assert (elsewhere.returncode, ci.returncode) == (0, 1)
    assert "skipped tests fail this run (CI=true)" in ci.stdout
    assert "test_one.py::test_one" in ci.stdout


def _name(connection: psycopg.Connection) -> tuple[object, ...] | None:
    return connection.execute("SELECT current_database()").fetchone()


def _pytest_in(folder: Path, extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | extra
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
