"""The commands about failed jobs work when not much else does: no supervisor, no file, a broken one, an old schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.cli.program import Qsup, qsup_in
from tests.failures.world import commands, count, declared, fails, told

STOP = """
CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM qsup.jobs) > 700 THEN ANSWER; END IF; RETURN NULL; END $$;
CREATE TRIGGER stop AFTER INSERT ON qsup.jobs FOR EACH STATEMENT EXECUTE FUNCTION public.stop()
"""
COMMANDS = (("failed",), ("retry", "1"), ("forget", "1"), ("flush",), ("prune-failed", "--hours", "1"), ("job", "1"))


def test_they_need_no_file_when_the_database_is_named(world: Connection[Any], qsup: Qsup, tmp_path: Path) -> None:
    [number] = fails(world)
    for text in (None, "version: 1\nqueues: [", "version: 1\nqueues: {x: {workers: many}}\n"):
        (tmp_path / "queues.yaml").unlink(missing_ok=True)
        if text is not None:
            (tmp_path / "queues.yaml").write_text(text)
        assert [each["id"] for each in told(qsup, "failed")["jobs"]] == [number]
    assert told(qsup, "retry", str(number))["retried"] == [number]


def test_a_broken_file_that_may_name_the_database_must_be_readable(qsup: Qsup, tmp_path: Path, dsn: str) -> None:
    (tmp_path / "queues.yaml").write_text("version: 1\ndatabase: elsewhere\nqueues: [")
    answer = qsup("failed", "--database", "")
    assert answer.returncode == 0, "QSUP_DATABASE_URL names it"
    unnamed = qsup_in(tmp_path, "")
    answer = unnamed("failed")
    assert answer.returncode == 78
    assert "queues.yaml:3" in answer.stderr
    (tmp_path / "queues.yaml").write_text(f"version: 1\ndatabase: '{dsn}'\nqueues: {{x: {{workers: many}}}}\n")
    answer = unnamed("failed")
    assert (answer.returncode, answer.stdout) == (0, "no failed jobs\n"), answer.stderr


def test_they_say_in_a_sentence_that_the_database_cannot_be_used(
    world: Connection[Any], qsup: Qsup, empty_dsn: str
) -> None:
    declared(world)
    for arguments in COMMANDS:
        answer = qsup(*arguments, "--database", "postgresql://u@127.0.0.1:1/x")
        assert (answer.returncode, "Traceback" in answer.stderr) == (75, False), arguments
        answer = qsup(*arguments, "--database", empty_dsn)
        assert answer.returncode == 1, arguments
        assert answer.stderr == "qsup: this database has no schema qsup yet: run `qsup migrate`\n"


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        ("PERFORM pg_terminate_backend(pg_backend_pid())", 75, "qsup: the database was lost: "),
        ("RAISE EXCEPTION 'not today'", 1, "qsup: PostgreSQL refused: not today"),
    ],
)
def test_a_database_that_stops_a_command_half_way_leaves_what_was_done(
    world: Connection[Any], qsup: Qsup, answer: str, code: int, sentence: str
) -> None:
    fails(world, 1200)
    world.execute(STOP.replace("ANSWER", answer).encode())
    stopped = qsup("retry", "all")
    assert (stopped.returncode, stopped.stderr.startswith(sentence)) == (code, True), stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert (count(world, "jobs"), count(world, "failed_jobs")) == (500, 700)
    assert [result for _, _, result in commands(world)] == ["retried 500"]
    world.execute("DROP FUNCTION public.stop() CASCADE")
    assert len(told(qsup, "retry", "all")["retried"]) == 700


def test_a_user_who_may_not_is_told_so(world: Connection[Any], qsup: Qsup, dsn: str) -> None:
    fails(world)
    user = f"reader_{id(dsn)}"
    world.execute(f"CREATE ROLE {user} LOGIN".encode())
    world.execute(f"GRANT USAGE ON SCHEMA qsup TO {user}; GRANT SELECT ON ALL TABLES IN SCHEMA qsup TO {user}".encode())
    try:
        mine = dsn.replace("qsup@", f"{user}@", 1)
        assert len(told(qsup, "failed", "--database", mine)["jobs"]) == 1
        answer = qsup("forget", "1", "--database", mine)
        assert answer.returncode == 1
        assert answer.stderr.startswith(
            "qsup: this database user may not do that: permission denied for table commands"
        )
    finally:
        world.execute(f"DROP OWNED BY {user}; DROP ROLE {user}".encode())
