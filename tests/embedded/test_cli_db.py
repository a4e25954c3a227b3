"""`qsup db url|psql|stop|status`, as a person calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from qsup import embedded
from qsup.embedded import Server

from .scene import User

Shop = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shop(home: Path) -> Shop:
    """`shop("url", …)`: `qsup db url …` in the folder of a queues.yaml."""
    project = home.parent
    (project / "queues.yaml").write_text("version: 1\nqueues:\n  default: {workers: 1}\n")

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "qsup", "db", *arguments]
        return subprocess.run(
            command, cwd=project, env=os.environ | environment, capture_output=True, text=True, check=False
        )

    return run


def test_nothing_runs_yet(shop: Shop) -> None:
    url, stop, status = shop("url"), shop("stop"), shop("status", "--json")
    assert (url.returncode, stop.returncode, status.returncode) == (75, 3, 3)
    assert "is not running" in url.stderr
    assert "`qsup run` starts it" in url.stderr
    assert stop.stdout == "No embedded PostgreSQL is running.\n"
    assert json.loads(status.stdout) == {
        "kind": "embedded",
        "source": "nothing names another database",
        "state": "not running",
        "dsn": "",
    }


def test_psql_starts_the_server_and_stops_it(shop: Shop, home: Path) -> None:
    answer = shop("psql", "-Atc", "SELECT current_database(), current_user", PGHOST="", PGOPTIONS="--nonsense")
    assert (answer.stdout, answer.returncode) == ("qsup|qsup\n", 0), answer.stderr
    assert embedded.find(home) is None


def test_a_running_server_is_shown_used_and_stopped(shop: Shop, home: Path, user: Callable[..., User]) -> None:
    told = user(home).answer()
    url = shop("url").stdout.strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    status = json.loads(shop("status", "--json").stdout)
    assert (status["state"], status["pid"], status["used"], status["dsn"]) == ("up", told["pid"], True, url)
    assert shop("psql", "-Atc", "SELECT 1").stdout == "1\n"
    assert embedded.find(home) is not None, "psql found it running and leaves it so"
    refused = shop("stop")
    assert refused.returncode == 1
    assert "is in use" in refused.stderr
    stopped = shop("stop", "--force")
    assert stopped.stdout.startswith("Stopped PostgreSQL ")
    assert embedded.find(home) is None


def test_a_left_behind_server_is_said_to_be_unused(shop: Shop, home: Path, user: Callable[..., User]) -> None:
    first = user(home)
    first.answer()
    first.kill()
    assert json.loads(shop("status", "--json").stdout)["used"] is False
    assert shop("stop").returncode == 0


def test_another_database_is_shown_without_its_password(shop: Shop, server: Server) -> None:
    dsn = server.dsn().replace("qsup@", "qsup:hunter2@")
    status = shop("status", DATABASE_URL=dsn)
    url = shop("url", DATABASE_URL=dsn)
    assert (status.returncode, url.returncode) == (0, 0), status.stderr
    assert "DATABASE_URL" in status.stdout
    assert url.stdout.strip() == server.dsn()
    assert "hunter2" not in status.stdout + url.stdout


def test_the_password_for_psql_is_not_on_its_command_line(shop: Shop, tmp_path: Path) -> None:
    spy = tmp_path / "psql"
    spy.write_text('#!/bin/sh\necho "$@"\necho "$PGPASSWORD"\n')
    spy.chmod(0o755)
    answer = shop("psql", DATABASE_URL="postgresql://u:hunter2@h/db", PATH=f"{tmp_path}:{os.environ['PATH']}")
    arguments, password = answer.stdout.splitlines()
    assert (sorted(arguments.split()), password) == (["dbname=db", "host=h", "user=u"], "hunter2")


def test_a_database_that_does_not_answer(shop: Shop) -> None:
    answer = shop("status", "--database", "postgresql://u:hunter2@127.0.0.1:1/db")
    assert answer.returncode == 75
    assert answer.stderr.startswith(
        "qsup: PostgreSQL does not answer at postgresql://u@127.0.0.1:1/db (from --database)"
    )
    assert "Traceback" not in answer.stderr
