"""Who is alive against what the file declares, on a real database."""

from __future__ import annotations

import json

import psycopg
import pytest

from qsup import declare
from qsup.check.listeners import check
from qsup.routing import Routing
from tests.config.reading import parsed

FILE = """\
version: 1
queues: {payments: {workers: 2}, low: {workers_of: payments}}
jobs: {PayJob: {queue: payments, handler: "a:b"}, LowJob: {queue: low, handler: "a:b"}}
"""
OLDER = FILE.replace('PayJob: {queue: payments, handler: "a:b"}, ', "")
OTHER = "version: 1\nqueues: {sms: {workers: 1}}\njobs: {}\n"


@pytest.fixture
def routing() -> Routing:
    """The file of these tests."""
    return parsed(FILE).routing


def beat(db: psycopg.Connection, text: str, *listens: str, name: str = "one", seconds_ago: int = 1) -> None:
    db.execute(
        "INSERT INTO qsup.supervisors (id, host, pid, code, config_file, generation, listens, declares, beat_at)"
        " VALUES (%s, 'h1', 7, 'c', '/srv/queues.yaml', 1, %s, %s, clock_timestamp() - %s * interval '1 second')",
        [name, list(listens), json.dumps(declare.declares(parsed(text).routing)), seconds_ago],
    )


def told(routing: Routing, db: psycopg.Connection) -> list[str]:
    return [str(problem) for problem in check(routing, db)]


def test_queues_that_somebody_alive_hears_are_in_order(routing: Routing, db: psycopg.Connection) -> None:
    beat(db, FILE, "payments", "low")
    assert told(routing, db) == []


def test_when_nothing_is_alive_it_is_said_once(routing: Routing, db: psycopg.Connection) -> None:
    beat(db, FILE, "payments", "low", seconds_ago=31)
    assert told(routing, db) == [
        "nothing of qsup is alive: none of the 2 queues is heard on any host, start `qsup run` [Q503]"
    ]


def test_a_queue_that_no_living_worker_hears_is_an_error(routing: Routing, db: psycopg.Connection) -> None:
    beat(db, OTHER, "sms")
    beat(db, FILE, "payments", name="two")
    [found] = check(routing, db)
    assert (found.code, found.severity, found.queue) == ("Q501", "error", "low")
    assert "declares 2 workers of payments, but none that is alive on any host hears it" in found.message


def test_a_queue_heard_only_by_an_older_file_is_a_warning_that_names_what_it_lacks(
    routing: Routing, db: psycopg.Connection
) -> None:
    beat(db, OLDER, "payments", "low")
    assert told(routing, db) == [
        "warning: queue payments is heard only by another generation of the file: /srv/queues.yaml of process 7 on h1,"
        " which does not know PayJob, save the file there, or start that process again [Q502]"
    ]
    beat(db, FILE, "payments", name="two")
    assert told(routing, db) == [], "one who knows is enough"


def test_a_database_without_tables_or_rights_is_told(routing: Routing, empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        assert [problem.code for problem in check(routing, connection)] == ["Q503"]
