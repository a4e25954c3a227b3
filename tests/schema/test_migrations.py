"""Migrating: every way leads to the same schema, one migrator at a time, and too old code keeps its hands off."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from qsup import embedded, migrate, store
from qsup.embedded.binaries import SYSTEM_FOLDERS, psql
from qsup.errors import DatabaseUnavailable, SchemaMismatch
from tests.conftest import temporary_project
from tests.schema.rows import declare_world, one, put
from tests.schema.structure import structure

REAL = migrate.FOLDER
NEXT = f"""-- oldest code: {migrate.code_version()}
-- What a later version may do: a column, an index, a function with another signature.
ALTER TABLE qsup.jobs ADD COLUMN colour text;
CREATE INDEX jobs_colour ON qsup.jobs (colour);
DROP FUNCTION qsup.nearest(text, text[]);
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the migrations, a copy that may be changed; `reread` makes the change known."""
    folder = tmp_path / "migrations"
    shutil.copytree(REAL, folder)
    monkeypatch.setattr(migrate, "FOLDER", folder)
    migrate.migrations.cache_clear()
    yield folder
    migrate.migrations.cache_clear()


def reread() -> None:
    migrate.migrations.cache_clear()


def connected(dsn: str) -> Connection[Any]:
    return Connection.connect(dsn, autocommit=True)


def test_step_by_step_from_each_earlier_version_is_the_same_schema_as_all_at_once(
    files: Path, empty_dsn: str, db: Connection[Any]
) -> None:
    db.execute("DROP SCHEMA qsup CASCADE")
    (files / f"{migrate.code_version() + 1:04d}_colour.sql").write_text(NEXT)
    reread()
    everything = migrate.migrations()
    migrate.migrate_connection(db)
    fresh = structure(db)
    assert "colour" in fresh
    with connected(empty_dsn) as conn:
        for known in range(1, len(everything)):
            for one_file in everything[known:]:
                (files / f"{one_file.version:04d}_{one_file.name}.sql").rename(files / f"later_{one_file.version}")
            reread()
            assert [each.version for each in migrate.migrate_connection(conn)] == list(range(1, known + 1))
            for one_file in everything[known:]:
                (files / f"later_{one_file.version}").rename(files / f"{one_file.version:04d}_{one_file.name}.sql")
            reread()
            migrate.migrate_connection(conn)
            assert structure(conn) == fresh
            conn.execute("DROP SCHEMA qsup CASCADE")


def test_a_migrated_database_lacks_nothing(db: Connection[Any]) -> None:
    assert migrate.pending(db) == []
    assert migrate.migrate_connection(db) == []
    assert migrate.refusal(db) == ""


def test_two_migrators_at_once_apply_everything_once(empty_dsn: str) -> None:
    start, applied = threading.Barrier(2), []

    def go() -> None:
        start.wait()
        applied.append([each.version for each in migrate.migrate(empty_dsn)])

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [[], [each.version for each in migrate.migrations()]]


def test_a_migration_that_fails_leaves_nothing_behind(files: Path, db: Connection[Any]) -> None:
    before = structure(db)
    (files / "0900_wrong.sql").write_text(NEXT + "SELECT 1 / 0;\n")
    reread()
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.migrate_connection(db)
    assert structure(db) == before


def test_a_migration_must_say_the_oldest_code(files: Path) -> None:
    (files / "0900_silent.sql").write_text("SELECT 1;\n")
    reread()
    with pytest.raises(ValueError, match=r"0900_silent\.sql: the first line must be `-- oldest code: N`"):
        migrate.migrations()


def test_the_numbers_of_the_migrations_are_one_row_and_no_newer_code_is_asked_for() -> None:
    versions = [each.version for each in migrate.migrations()]
    assert versions == list(range(1, len(versions) + 1))
    assert all(1 <= each.oldest_code <= each.version for each in migrate.migrations())


def later(db: Connection[Any], oldest: int) -> int:
    """The schema of a later version."""
    version = migrate.code_version() + 1
    db.execute(
        "INSERT INTO qsup.schema_versions (version, name, oldest_code) VALUES (%s, 'later', %s)", (version, oldest)
    )
    return version


def test_code_that_is_too_old_for_the_schema_is_told_so(db: Connection[Any]) -> None:
    mine = migrate.code_version()
    version = later(db, oldest=mine + 1)
    sentence = f"the schema needs code that knows version {version}; this qsup knows {mine}: upgrade it"
    assert migrate.refusal(db) == sentence
    with pytest.raises(SchemaMismatch, match=sentence):
        migrate.migrate_connection(db)


def test_a_newer_schema_that_allows_this_code_is_accepted(db: Connection[Any]) -> None:
    later(db, oldest=migrate.code_version())
    assert migrate.refusal(db) == ""
    assert migrate.migrate_connection(db) == []


def test_an_older_schema_and_none_at_all_are_told_what_to_do(files: Path, db: Connection[Any], empty_dsn: str) -> None:
    (files / "0900_later.sql").write_text(NEXT)
    reread()
    have = migrate.migrations()[-2].version
    assert migrate.refusal(db) == f"the schema is version {have}, this qsup needs version 900: run `qsup migrate`"
    with connected(empty_dsn) as conn:
        assert migrate.refusal(conn) == "this database has no schema qsup yet: run `qsup migrate`"


def test_without_the_right_to_create_roles_it_migrates_and_says_what_is_left(empty_dsn: str) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(empty_dsn)["dbname"])
    heard: list[str] = []
    with connected(empty_dsn) as admin:
        admin.execute(f"CREATE ROLE owner_{name} LOGIN; GRANT CREATE ON DATABASE {name} TO owner_{name}".encode())
        # Other databases of the server hold grants to the real name: for the time of this test it is called otherwise.
        admin.execute("DO $$ BEGIN ALTER ROLE qsup_dispatcher RENAME TO qsup_dispatcher_away;"
                      " EXCEPTION WHEN undefined_object THEN NULL; END $$")  # fmt: skip
        try:
            with Connection.connect(empty_dsn, user=f"owner_{name}", autocommit=True) as conn:
                conn.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
                migrate.migrate_connection(conn)
                declare_world(conn)
                assert put(conn)
        finally:
            admin.execute("DO $$ BEGIN ALTER ROLE qsup_dispatcher_away RENAME TO qsup_dispatcher;"
                          " EXCEPTION WHEN undefined_object THEN NULL; END $$")  # fmt: skip
            admin.execute(f"DROP OWNED BY owner_{name}; DROP ROLE owner_{name}".encode())
    assert [line.split(":")[0] for line in heard] == ["the role qsup_dispatcher was not created (no CREATEROLE)"]
    assert "USAGE on the schema qsup and EXECUTE on its functions dispatch and dispatch_many" in heard[0]


def test_the_script_for_psql_makes_the_same_schema_and_the_same_versions(empty_dsn: str, db: Connection[Any]) -> None:
    with connected(empty_dsn) as conn:
        script = migrate.shown(migrate.pending(conn))
        command = [str(psql()), empty_dsn, "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        subprocess.run(command, input=script, text=True, check=True, capture_output=True)
        assert structure(conn) == structure(db)
        assert migrate.pending(conn) == []
    assert migrate.shown(migrate.pending(db)) == ""


def test_a_database_that_does_not_answer_is_said_to_be_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable):
        migrate.migrate("postgresql://nobody@127.0.0.1:1/nothing")


def installed() -> list[Path]:
    """The PostgreSQL servers of this machine, besides the wheel's, which every other test uses."""
    found = [folder for pattern in SYSTEM_FOLDERS for folder in Path("/").glob(pattern[1:])]
    return [folder for folder in found if (folder / "initdb").exists()]


def test_every_installed_postgresql_takes_the_same_schema(db: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in installed():
        monkeypatch.setenv("QSUP_PG_BIN", str(folder))
        with temporary_project() as project:
            server = embedded.ensure(project / ".qsup")
            with connected(server.dsn()) as conn:
                migrate.migrate_connection(conn)
                declare_world(conn)
                put(conn, 2)
                key = store.claim_and_record(conn, "us", [], [store.Want("a", ("a:0",), 0, 60.0, 30.0)], {})[1][0].key
                assert store.claim_and_record(conn, "us", [key], [], {}) == ({key[0]}, [])
                store.prune(conn)
                assert one(conn, "SELECT count(*) FROM qsup.jobs") == 1
                found = conn.execute("SELECT conname FROM pg_constraint WHERE connamespace = 'qsup'::regnamespace")
                here = db.execute("SELECT conname FROM pg_constraint WHERE connamespace = 'qsup'::regnamespace")
                # From 18 on NOT NULL is a constraint with a name.
                assert set(found.fetchall()) == {row for row in here.fetchall() if not row[0].endswith("_not_null")}
            server.stop_if_unused()
