"""What an administrator can do to a running qsup: it waits with a sentence, loses nothing, and goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.supervise.rig import Run
from tests.surroundings.roles import GRANTS, Role

NEWER = "INSERT INTO qsup.schema_versions (version, name, oldest_code) VALUES (9999, 'later', {0})"

Act = Callable[[Role], Any]
TROUBLES: dict[str, tuple[Act, Act, str]] = {
    "the right to read jobs is taken": (
        lambda role: role.does("REVOKE SELECT ON qsup.jobs FROM {0}"),
        lambda role: role.does(GRANTS),
        "database away: permission denied for table jobs",
    ),
    "the right to change jobs is taken": (
        lambda role: role.does("REVOKE UPDATE, DELETE, INSERT ON qsup.jobs FROM {0}"),
        lambda role: role.does(GRANTS),
        "database away: permission denied for table jobs",
    ),
    "the schema is closed": (
        lambda role: role.does("REVOKE USAGE ON SCHEMA qsup FROM {0}"),
        lambda role: role.does(GRANTS),
        "database away: permission denied for schema qsup",
    ),
    "it may only read": (
        lambda role: role.sets("default_transaction_read_only = on"),
        lambda role: role.does("ALTER ROLE {0} RESET default_transaction_read_only"),
        "session is read-only",
    ),
    "no connection is left for it": (
        lambda role: role.does_and_hangs_up("ALTER ROLE {0} CONNECTION LIMIT 0"),
        lambda role: role.does("ALTER ROLE {0} CONNECTION LIMIT -1"),
        "too many connections for role",
    ),
    "it may not log in": (
        lambda role: role.does_and_hangs_up("ALTER ROLE {0} NOLOGIN"),
        lambda role: role.does("ALTER ROLE {0} LOGIN"),
        "is not permitted to log in",
    ),
    "rows are hidden": (
        lambda role: role.does("ALTER TABLE qsup.jobs ENABLE ROW LEVEL SECURITY"),
        lambda role: role.does("ALTER TABLE qsup.jobs DISABLE ROW LEVEL SECURITY"),
        'query would be affected by row-level security policy for table "jobs"',
    ),
    "statements have no time": (
        lambda role: role.sets("statement_timeout = '1ms'"),
        lambda role: role.does("ALTER ROLE {0} RESET statement_timeout"),
        "canceling statement due to statement timeout",
    ),
    "the schema becomes too new": (
        lambda role: role.admin.execute(NEWER.format(9999).encode()),
        lambda role: role.does("DELETE FROM qsup.schema_versions WHERE version = 9999"),
        "the courier claims nothing: the schema needs code that knows version 9999",
    ),
    "the schema becomes too old": (
        lambda role: role.does("CREATE TABLE qsup.kept AS SELECT * FROM qsup.schema_versions WHERE version > 1;"
                               "DELETE FROM qsup.schema_versions WHERE version > 1"),
        lambda role: role.does("INSERT INTO qsup.schema_versions SELECT * FROM qsup.kept; DROP TABLE qsup.kept"),
        "the courier claims nothing: the schema is version 1",
    ),
}  # fmt: skip


def test_it_waits_with_a_sentence_and_goes_on_when_the_trouble_is_over(guest: Run, role: Role) -> None:
    guest.start()
    workers, courier = guest.pids(), guest.state["courier"]["pid"]
    for number, (trouble, (begin, end, said)) in enumerate(TROUBLES.items()):
        guest.dispatch(f"long {number}", until=f"go {number}")
        guest.waits_for(f"begin long {number}")
        begin(role)
        seen = len(guest.output())
        guest.says(said, since=seen)
        guest.let_go(f"go {number}")
        guest.waits_for(f"end long {number}")
        end(role)
        guest.waits_for_jobs_to_end()
        guest.dispatch(f"short {number}")
        guest.waits_for(f"end short {number}")
        assert len(guest.diary(f"begin long {number}")) == 1, f"{trouble}: the outcome was lost"
    assert f"courier (pid {courier}) exited" not in guest.output(), "the courier died of it"
    assert guest.pids() == workers
    assert "Traceback" not in guest.output()
    assert guest.rows("SELECT * FROM qsup.failed_jobs") == []


def test_a_right_that_is_missing_for_long_is_no_storm_of_connections_and_lines(guest: Run, role: Role) -> None:
    guest.start()
    role.does("REVOKE UPDATE ON qsup.jobs FROM {0}")
    guest.dispatch("waiting")
    guest.says("database away: permission denied for table jobs")
    before, begin = len(guest.output().splitlines()), time.monotonic()
    time.sleep(6)
    lines = guest.output().splitlines()[before:]
    assert len(lines) < 5 + (time.monotonic() - begin) / 2, lines
    role.does(GRANTS)
    guest.waits_for("end waiting")


def test_without_any_right_from_the_start_it_waits_for_them(guest: Run, role: Role) -> None:
    role.does("REVOKE ALL ON ALL TABLES IN SCHEMA qsup FROM {0}; REVOKE USAGE ON SCHEMA qsup FROM {0}")
    guest.spawn()
    guest.says("database away: permission denied for schema qsup")
    role.does(GRANTS)
    guest.settles()
    guest.dispatch("pay")
    guest.waits_for("end pay")


def test_hostile_functions_and_operators_are_not_called(guest: Run, role: Role) -> None:
    for name, takes, gives in (
        ("now", "", "timestamptz"), ("clock_timestamp", "", "timestamptz"), ("make_interval", "float8", "interval"),
        ("unnest", "text[]", "setof text"), ("split_part", "text, text, int", "text"), ("coalesce_", "", "int"),
        ("pg_try_advisory_xact_lock", "int", "boolean"), ("count", "", "bigint"), ("greatest_", "", "int"),
    ):  # fmt: skip
        role.admin.execute(
            f"CREATE FUNCTION public.{name}({takes}) RETURNS {gives} LANGUAGE plpgsql"
            f" AS $$ BEGIN RAISE EXCEPTION 'trapped: {name}'; END $$".encode()
        )
    role.does(
        "CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'trapped: ='; END $$;"
        "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);"
        "ALTER ROLE {0} SET search_path = public, pg_catalog"
    )
    guest.start()
    guest.dispatch("pay", how="die once")
    guest.waits_for("end pay")
    guest.waits_for_jobs_to_end()
    status = guest.command("status")
    assert (status.returncode, "trapped" in status.stdout + guest.output()) == (0, False), status.stdout


STYLES = ("timezone = 'Pacific/Kiritimati'", "datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'",
          "standard_conforming_strings = off", "escape_string_warning = off", "synchronous_commit = off",
          "bytea_output = 'escape'", "extra_float_digits = -15", "lc_messages = 'C'",
          "default_transaction_isolation = 'serializable'", "lock_timeout = '1ms'", "jit = on")  # fmt: skip


def test_settings_of_the_role_change_nothing(guest: Run, role: Role) -> None:
    for style in STYLES:
        role.does(f"ALTER ROLE {{0}} SET {style}")
    guest.start()
    guest.dispatch("pay", how="die once")
    guest.waits_for("end pay", times=1)
    delayed = guest.command("dispatch", "Pay", '{"text": "it\'s \\\\ delayed"}', "--delay", "1s")
    assert delayed.returncode == 0, delayed.stderr
    guest.waits_for("end it's \\ delayed")
    guest.waits_for_jobs_to_end()
    assert guest.rows("SELECT kind FROM qsup.job_events") == [("crash",)]
    [row] = guest.rows("SELECT at BETWEEN now() - interval '2 minutes' AND now() FROM qsup.job_events")
    assert row == (True,)


def test_a_database_that_is_dropped_and_made_again_is_worked_on_when_it_is_migrated(run: Run, dsn: str) -> None:
    from psycopg import connect, conninfo

    run.start()
    name = str(conninfo.conninfo_to_dict(dsn)["dbname"])
    with connect(conninfo.make_conninfo(dsn, dbname="postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        run.says(f'database "{name}" does not exist')
        assert run.command("dispatch", "Pay", '{"text": "x"}').returncode == 75
        admin.execute(f"CREATE DATABASE {name}".encode())
    run.says("the courier claims nothing: this database has no schema qsup yet: run `qsup migrate`")
    assert run.command("migrate").returncode == 0
    run.until(lambda: run.rows("SELECT to_regclass('qsup.jobs') IS NOT NULL") == [(True,)], "it is migrated")
    run.until(lambda: run.rows("SELECT 1 FROM qsup.job_types") != [], "its jobs are declared again")
    run.dispatch("pay")
    run.waits_for("end pay")


def test_a_schema_that_is_too_new_ends_the_start_with_a_sentence(run: Run, role: Role) -> None:
    role.admin.execute(NEWER.format(9999).encode())
    process = run.spawn()
    run.until(lambda: process.poll() is not None, "it ended")
    assert process.returncode == 1
    assert "the schema needs code that knows version 9999" in run.output()


@pytest.mark.parametrize("dsn_text", ["postgresql://h/d?no_such_option=1", "host=h no_such_option=1"])
def test_a_dsn_that_libpq_does_not_know_ends_the_start_with_a_sentence(dsn_text: str, run: Run) -> None:
    run.runtime_dsn = dsn_text
    process = run.spawn()
    run.until(lambda: process.poll() is not None, "it ended")
    assert process.returncode == 1
    assert "not a DSN of PostgreSQL" in run.output()
    assert "Traceback" not in run.output()
