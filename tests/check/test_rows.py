"""The declared tables and the rows of a real database against queues.yaml."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from qsup.check.rows import check
from qsup.routing import Routing
from tests.config.reading import parsed

FILE = """\
version: 1
queues: {payments: {workers: 2}, low: {workers_of: payments}}
jobs: {PayJob: {queue: payments, handler: "a:b"}, LowJob: {queue: low, handler: "a:b"}}
"""

DECLARED: LiteralString = """
    INSERT INTO qsup.queues (name, workers) VALUES ('payments', 2), ('low', 0);
    INSERT INTO qsup.job_types (name, queue, payload_limit)
    VALUES ('PayJob', 'payments', 1000), ('LowJob', 'low', 1000);
"""


@pytest.fixture
def routing() -> Routing:
    """The file of these tests."""
    return parsed(FILE).routing


@pytest.fixture
def stored(db: psycopg.Connection) -> psycopg.Connection:
    """A database to which the file was applied."""
    db.execute(DECLARED)
    return db


def told(routing: Routing, connection: psycopg.Connection) -> list[str]:
    return [str(problem) for problem in check(routing, connection)]


def put(connection: psycopg.Connection, queue: str, job: str, count: int = 1) -> None:
    connection.execute(
        "INSERT INTO qsup.jobs (queue, type, payload) SELECT %s, %s, '{}' FROM generate_series(1, %s)",
        (queue, job, count),
    )


def test_an_applied_file_and_rows_that_it_serves_are_in_order(routing: Routing, stored: psycopg.Connection) -> None:
    put(stored, "payments", "PayJob", 3)
    put(stored, "low", "LowJob")
    assert told(routing, stored) == []


@pytest.mark.usefixtures("stored")
def test_any_row_factory_will_do(routing: Routing, dsn: str) -> None:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        assert check(routing, connection) == []


def test_rows_on_a_queue_that_nobody_serves_are_an_error(routing: Routing, stored: psycopg.Connection) -> None:
    stored.execute("INSERT INTO qsup.queues (name, workers) VALUES ('payment', 1)")
    put(stored, "payment", "PayJob", 2)
    assert told(routing, stored) == [
        "queue payment holds 2 jobs of PayJob, but no worker of this file serves it, did you mean payments? [Q301]",
        "warning: queue payment is declared in the database, but not in this file: applying the file retires it, "
        "did you mean payments? [Q304]",
    ]


def test_rows_of_a_job_that_is_not_routed_are_an_error(routing: Routing, stored: psycopg.Connection) -> None:
    stored.execute("INSERT INTO qsup.job_types (name, queue, payload_limit) VALUES ('OldJob', 'payments', 1000)")
    put(stored, "payments", "OldJob")
    lines = told(routing, stored)
    assert lines[0].startswith("queue payments holds 1 job of OldJob, but `jobs:` has no OldJob, ")
    assert lines[1].startswith("warning: job OldJob is declared in the database, but not in this file")


def test_failed_jobs_that_could_not_be_tried_again_are_a_warning(routing: Routing, stored: psycopg.Connection) -> None:
    stored.execute(
        "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, created_at) "
        "SELECT n, 'gone', 'PayJob', '{}', 3, 0, 'tries', now() FROM generate_series(1, 1200) n"
    )
    assert told(routing, stored) == [
        "warning: 1,200 failed jobs of PayJob (queue gone) could not be tried again by this file [Q303]"
    ]


def test_a_retired_queue_without_rows_is_nothing_to_tell(routing: Routing, stored: psycopg.Connection) -> None:
    stored.execute("INSERT INTO qsup.queues (name, workers, retired_at) VALUES ('gone', 1, now())")
    assert told(routing, stored) == []


def test_what_was_not_applied_yet_is_a_note(routing: Routing, db: psycopg.Connection) -> None:
    lines = told(routing, db)
    assert len(lines) == 4
    assert all(line.startswith("info: ") and line.endswith("[Q306]") for line in lines)


def test_a_database_without_tables_is_told(routing: Routing, empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        assert told(routing, connection) == [
            "warning: this database has no qsup tables yet, `qsup migrate` makes them [Q307]"
        ]


def test_a_role_that_may_not_read_is_told(routing: Routing, stored: psycopg.Connection) -> None:
    stored.execute("SET ROLE qsup_dispatcher")
    assert told(routing, stored) == [
        "this role may not read qsup's tables, so the rows were not looked at, "
        "use the role of `qsup run`, or grant it SELECT [Q308]"
    ]
