"""The database keeps qsup.jobs closed: whoever writes, what is not declared does not get in, and says why."""

from __future__ import annotations

import subprocess
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from qsup import declare
from qsup.embedded.binaries import psql
from tests.schema.rows import US, a_file, one, put

WORLD = a_file(
    {"payments": 2, "idle": 0}, {"ProcessPaymentJob": "payments", "SendReceiptJob": "payments", "Note": "idle"}
)


def closed_world(db: Connection[Any]) -> None:
    """payments is heard, idle is not, old is retired and has a row."""
    old = a_file({"payments": 2, "idle": 0, "old": 1}, {"OldJob": "old", **dict.fromkeys(WORLD.routes, "payments")})
    declare.apply(db, old, US)
    # A row keeps what is retired from being forgotten.
    db.execute("SELECT qsup.dispatch('OldJob', '{}')")
    declare.apply(db, WORLD, US)


@pytest.fixture(autouse=True)
def _world(db: Connection[Any]) -> None:
    closed_world(db)


def in_psql(dsn: str, statement: str) -> subprocess.CompletedProcess[str]:
    command = [str(psql()), dsn, "-X", "-v", "VERBOSITY=verbose", "-c", statement]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ("'paymants', 'ProcessPaymentJob'", "jobs_queue_fkey"),
        ("'payments', 'ProcessPaymentsJob'", "jobs_type_fkey"),
    ],
)
def test_an_insert_of_something_undeclared_fails_in_psql(dsn: str, columns: str, constraint: str) -> None:
    answer = in_psql(dsn, f"INSERT INTO qsup.jobs (queue, type, payload) VALUES ({columns}, '{{}}')")  # noqa: S608  ours
    assert answer.returncode == 1
    assert "ERROR:  23503" in answer.stderr
    assert constraint in answer.stderr


def test_an_update_to_something_undeclared_fails_too(db: Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        db.execute("UPDATE qsup.jobs SET queue = 'elsewhere'")


def test_somebodys_own_tables_do_not_land_among_ours(db: Connection[Any]) -> None:
    # Our user is called as our schema, and PostgreSQL looks into "$user" first.
    db.execute("CREATE TABLE IF NOT EXISTS jobs (mine int)")
    assert one(db, "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'jobs'::regclass") == "public"


def test_an_unknown_job_names_the_nearest_one_and_what_to_do_in_psql(dsn: str) -> None:
    answer = in_psql(dsn, "SELECT qsup.dispatch('ProcesPaymentJob', '{}')")
    assert "ERROR:  QS001: no queue is declared for the job class ProcesPaymentJob" in answer.stderr
    assert (
        "HINT:  Did you mean ProcessPaymentJob? Add ProcesPaymentJob to jobs: in queues.yaml"
        " (with its queue and handler); `qsup run` or `qsup apply` makes it known." in answer.stderr
    )


def test_many_of_nothing_are_no_jobs(db: Connection[Any]) -> None:
    assert one(db, "SELECT qsup.dispatch_many('{}', '{}')") == []


NEAREST = {
    "ProcessPayment": "ProcessPaymentJob",
    "processpaymentjob": "ProcessPaymentJob",
    "SendReciptJob": "SendReceiptJob",
    "Qqq": None,
}


@pytest.mark.parametrize("word", NEAREST)
def test_the_nearest_name_is_guessed_only_when_it_is_near(db: Connection[Any], word: str) -> None:
    names = ["ProcessPaymentJob", "SendReceiptJob", "OldJob"]
    assert one(db, "SELECT qsup.nearest(%s, %s)", word, names) == NEAREST[word]


def test_the_view_of_jobs_reads_like_laravels(db: Connection[Any]) -> None:
    db.execute("DELETE FROM qsup.jobs")
    db.execute("SELECT qsup.dispatch('SendReceiptJob', '{\"a\": 1}')")
    pending = db.execute(
        "SELECT queue, COUNT(*), MIN(created_at), MAX(attempts) FROM qsup.laravel_jobs"
        " WHERE reserved_at IS NULL GROUP BY queue"
    ).fetchall()
    created = one(db, "SELECT extract(epoch FROM created_at)::int FROM qsup.jobs")
    assert pending == [("payments", 1, created, 0)]
    assert one(db, "SELECT payload FROM qsup.laravel_jobs") == '{"a": 1}'


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (("ValueError", "no", "line 1"), "ValueError: no\nline 1"),
        (("", "killed by signal 9", ""), "killed by signal 9"),
        (("ValueError", "", ""), "ValueError"),
        (("", "", ""), ""),
    ],
)
def test_the_view_of_failed_jobs_tells_the_whole_reason(
    db: Connection[Any], columns: tuple[str, str, str], shown: str
) -> None:
    db.execute(
        "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, exception, message,"
        " traceback, created_at) VALUES (1, 'payments', 'Note', '{}', 3, 0, 'tries', %s, %s, %s, now())",
        columns,
    )
    assert one(db, "SELECT exception FROM qsup.laravel_failed_jobs WHERE queue = 'payments'") == shown


def test_dispatched_rows_are_what_was_asked_for(db: Connection[Any]) -> None:
    db.execute("DELETE FROM qsup.jobs")
    declare.apply(db, a_file({"a": 1}, {"Note": "a"}), US)
    put(db, 2)
    rows = db.execute("SELECT queue, type, state, step, attempts, crashes, claim_number FROM qsup.jobs").fetchall()
    assert rows == [("a", "Note", "ready", "run", 0, 0, 0)] * 2
