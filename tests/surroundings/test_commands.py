"""Every command that talks to a database, with databases that do not do it: a sentence, the documented exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from tests.cli.program import qsup_in
from tests.surroundings.roles import Role

JOB = ["dispatch", "Note", "{}"]
CHECK = ["validate", "--db"]
WORKER = ["worker", "--queue", "notes"]
Case = tuple[list[str], int, str]


@pytest.fixture
def closed(db: psycopg.Connection, dsn: str) -> Iterator[Role]:
    """A role without any right."""
    found = Role(db, dsn)
    found.does("CREATE ROLE {0} LOGIN")
    yield found
    found.does_and_hangs_up("ALTER ROLE {0} RESET ALL")
    found.does("DROP OWNED BY {0}; DROP ROLE {0}")


def tells(shop: Path, dsn: str, cases: list[Case]) -> None:
    """Each command ends with this code and says this, in a few lines."""
    qsup = qsup_in(shop, dsn)
    for command, code, said in cases:
        done = qsup(*command)
        everything = done.stdout + done.stderr
        assert (done.returncode, said in everything) == (code, True), (command, done.returncode, everything)
        assert "Traceback" not in everything
        assert "hunter2" not in everything


def test_a_role_without_rights(shop: Path, closed: Role) -> None:
    (shop / "jobs.py").write_text("import qsup\nclass Note(qsup.Job): ...\ndef note(job: Note, ctx): ...\n")
    told = "this database user may not"
    tells(shop, closed.dsn, [
        (JOB, 1, told), (["apply"], 1, told), (["migrate"], 1, told), (["migrate", "--check"], 1, told),
        (["status"], 3, "permission denied for schema qsup"), (CHECK, 1, "this role may not read qsup's tables"),
        (["plan"], 0, "a start would"), (["explain", "notes"], 0, "Queue notes"),
    ])  # fmt: skip


def test_a_database_without_the_schema_and_no_right_to_make_it(shop: Path, empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as admin:
        role = Role(admin, empty_dsn)
        role.does("CREATE ROLE {0} LOGIN")
        tells(shop, role.dsn, [
            (["migrate"], 1, "this database user may not do that: permission denied for database"),
            (["apply"], 1, "run `qsup migrate`"), (JOB, 1, "Run `qsup migrate`"),
            (["status"], 3, "it has no schema qsup yet: run `qsup migrate`"),
            (["migrate", "--check"], 1, "missing: 0001_jobs"),
        ])  # fmt: skip
        role.does("DROP ROLE {0}")


NOBODY = "host=127.0.0.1 port=1 user=u password=hunter2 dbname=d"
UNREACHABLE: dict[str, tuple[Callable[[str], str], int, str]] = {
    "nobody listens": (lambda _: NOBODY, 75, "PostgreSQL does not answer at host=127.0.0.1 port=1 user=u dbname=d"),
    "no such database": (lambda dsn: conninfo.make_conninfo(dsn, dbname="nothing"), 75, 'database "nothing" does not'),
    "no such role": (lambda dsn: conninfo.make_conninfo(dsn, user="nobody"), 75, 'role "nobody" does not exist'),
    "no DSN": (lambda _: "host=h no_such_option=1 password=hunter2", 78, "not a DSN of PostgreSQL"),
    "another database": (lambda _: "mysql://u:hunter2@h/d", 78, "qsup needs PostgreSQL"),
}  # fmt: skip


@pytest.mark.parametrize("trouble", UNREACHABLE)
def test_a_database_that_cannot_be_reached(trouble: str, shop: Path, dsn: str) -> None:
    make, code, said = UNREACHABLE[trouble]
    commands = [JOB, ["apply"]] if trouble != "nobody listens" else [JOB, ["apply"], ["migrate"], CHECK]
    commands += [WORKER] if code == 78 else []
    (shop / "jobs.py").write_text("import qsup\nclass Note(qsup.Job): ...\ndef note(job: Note, ctx): ...\n")
    tells(shop, make(dsn), [*((command, code, said) for command in commands)])


@contextmanager
def held(dsn: str, statement: str) -> Iterator[None]:
    """A transaction that has done this and does not end."""
    with psycopg.connect(dsn) as conn:
        conn.execute(statement.encode())
        yield
        conn.rollback()


def test_limits_of_the_role(shop: Path, role: Role, dsn: str) -> None:
    role.does("GRANT CREATE ON SCHEMA qsup TO {0}")
    role.sets("lock_timeout = '100ms'")
    with held(dsn, "SELECT pg_advisory_lock(1903392112)"):
        tells(shop, role.dsn, [(["apply"], 75, "a lock did not come free in time"),
                               (["migrate"], 75, "a lock did not come free in time")])  # fmt: skip
    with held(dsn, "LOCK TABLE qsup.schema_versions IN ACCESS EXCLUSIVE MODE"):
        role.sets("statement_timeout = '100ms'")
        tells(shop, role.dsn, [(["apply"], 75, "statement_timeout is set")])
    role.does("ALTER ROLE {0} RESET ALL; ALTER ROLE {0} CONNECTION LIMIT 0")
    tells(shop, role.dsn, [(["apply"], 75, "too many connections for role"), (["status"], 3, "too many connections")])
    role.does("ALTER ROLE {0} CONNECTION LIMIT -1; ALTER ROLE {0} SET default_transaction_read_only = on")
    tells(shop, role.dsn, [(JOB, 75, "session is read-only")])
    tells(shop, f"{role.dsn} target_session_attrs=any", [(["apply"], 75, "PostgreSQL only reads here")])


def test_a_schema_that_is_newer_or_older(shop: Path, dsn: str, db: psycopg.Connection) -> None:
    insert = "INSERT INTO qsup.schema_versions (version, name, oldest_code) VALUES (9999, 'later', {})"
    db.execute(insert.format(9999).encode())
    newer = "the schema needs code that knows version 9999"
    tells(shop, dsn, [(["apply"], 1, newer), (["migrate"], 1, newer)])
    db.execute("DELETE FROM qsup.schema_versions WHERE version = 9999")
    db.execute(insert.format(1).encode())
    tells(shop, dsn, [(["migrate"], 0, "nothing to do"), (["apply"], 0, "declared 2 queues"), (JOB, 0, "Note 1")])


def test_a_migration_that_is_killed_in_the_middle_leaves_nothing_and_is_done_again(
    shop: Path, empty_dsn: str, eventually: Callable[..., Any]
) -> None:
    import os
    import subprocess
    import sys

    qsup = qsup_in(shop, empty_dsn)
    waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'qsup:migrate' AND wait_event_type = 'Lock'"
    with psycopg.connect(empty_dsn, autocommit=True) as watcher:
        # A table of this name is being made by somebody else: the migration has done half of its work and waits.
        with held(empty_dsn, "CREATE SCHEMA qsup"):
            killed = subprocess.Popen(
                [sys.executable, "-m", "qsup", "migrate"], cwd=shop, env={**os.environ, "QSUP_DATABASE_URL": empty_dsn}
            )
            eventually(lambda: watcher.execute(waiting).fetchall(), what="it is in the middle")
            killed.kill()
            killed.wait()
        eventually(lambda: not watcher.execute(waiting).fetchall(), what="its transaction is gone")
        assert watcher.execute("SELECT to_regnamespace('qsup')").fetchone() == (None,)
    assert qsup("migrate").returncode == 0
    assert qsup("migrate", "--check").returncode == 0


def test_somebody_else_s_schema_of_this_name_is_told(shop: Path, empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA qsup")
    tells(shop, empty_dsn, [(["migrate"], 1, 'PostgreSQL refused: schema "qsup" already exists')])


def test_a_folder_that_is_gone_is_told(shop: Path, dsn: str) -> None:
    gone = shop / "gone"
    gone.mkdir()
    import os
    import subprocess
    import sys

    done = subprocess.run(
        ["sh", "-c", f"cd {gone} && rmdir {gone} && exec {sys.executable} -m qsup status"],
        env={**os.environ, "QSUP_DATABASE_URL": dsn}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("qsup: No such file or directory")
    assert "Traceback" not in done.stderr
