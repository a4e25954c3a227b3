"""`qsup migrate`."""

from __future__ import annotations

import subprocess
from typing import Any

import psycopg
from psycopg import Connection

from qsup import migrate
from qsup.embedded.binaries import psql
from tests.cli.program import Qsup
from tests.schema.rows import one
from tests.schema.structure import structure

NEWEST = f"{migrate.migrations()[-1].version:04d}_{migrate.migrations()[-1].name}"


def test_check_says_what_is_missing_and_migrate_applies_it(fresh: Qsup) -> None:
    missing = fresh("migrate", "--check")
    assert (missing.returncode, missing.stderr) == (1, "")
    assert NEWEST in missing.stdout
    assert missing.stdout.endswith("run `qsup migrate`\n")
    applied = fresh("migrate")
    assert applied.returncode == 0, applied.stderr
    assert applied.stdout.splitlines()[-2:] == [f"applied {NEWEST}", f"the schema is version {migrate.code_version()}"]
    again = fresh("migrate", "--check")
    assert (again.returncode, again.stdout) == (0, "the schema is up to date\n")
    assert fresh("migrate").stdout == f"the schema is version {migrate.code_version()}, nothing to do\n"


def test_show_sql_changes_nothing_and_psql_can_run_it(fresh: Qsup, empty_dsn: str, db: Connection[Any]) -> None:
    shown = fresh("migrate", "--show-sql")
    assert shown.returncode == 0
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        assert one(conn, "SELECT to_regnamespace('qsup') IS NULL")
        command = [str(psql()), empty_dsn, "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        subprocess.run(command, input=shown.stdout, text=True, check=True, capture_output=True)
        assert structure(conn) == structure(db)
    assert fresh("migrate", "--check").returncode == 0
    assert fresh("migrate", "--show-sql").stdout == ""


def test_a_newer_schema_that_this_code_does_not_know_is_refused(qsup: Qsup, db: Connection[Any]) -> None:
    version = migrate.code_version() + 1
    db.execute(
        "INSERT INTO qsup.schema_versions (version, name, oldest_code) VALUES (%(v)s, 'later', %(v)s)", {"v": version}
    )
    answer = qsup("migrate")
    assert answer.returncode == 1
    assert answer.stderr == (
        f"qsup: the schema needs code that knows version {version}; this qsup knows {version - 1}: upgrade it\n"
    )
    assert qsup("apply").stderr == answer.stderr
    db.execute("UPDATE qsup.schema_versions SET oldest_code = 1")
    assert qsup("migrate").stdout == f"the schema is version {version}, nothing to do\n"


def test_a_database_that_does_not_answer(qsup: Qsup) -> None:
    answer = qsup("migrate", "--database", "postgresql://u:hunter2@127.0.0.1:1/db")
    assert answer.returncode == 75
    assert "does not answer at postgresql://u@127.0.0.1:1/db" in answer.stderr
    assert "hunter2" not in answer.stderr
    assert "Traceback" not in answer.stderr
