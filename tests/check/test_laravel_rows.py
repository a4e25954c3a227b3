r"""Laravel's own tables in a real database: what waits there and nobody hears. Payloads hold \u0000, as PHP's do."""

from __future__ import annotations

import json
import time

import psycopg
import pytest

from qsup.check.laravel_rows import check
from qsup.routing import Routing
from tests.config.reading import parsed

FILE = """\
version: 1
queues: {provisioning: {workers: 3}, payments: {workers: 1}}
jobs: {PayJob: {queue: payments, handler: "a:b"}}
"""
LARAVEL = """
    CREATE TABLE jobs (id bigserial PRIMARY KEY, queue varchar(255) NOT NULL, payload text NOT NULL,
        attempts smallint NOT NULL, reserved_at int, available_at int NOT NULL, created_at int NOT NULL);
    CREATE TABLE failed_jobs (id bigserial PRIMARY KEY, uuid varchar(255), connection text NOT NULL,
        queue text NOT NULL, payload text NOT NULL, exception text NOT NULL,
        failed_at timestamp(0) NOT NULL DEFAULT CURRENT_TIMESTAMP);
"""


@pytest.fixture
def routing() -> Routing:
    """The file of these tests."""
    return parsed(FILE).routing


@pytest.fixture
def laravel(db: psycopg.Connection) -> psycopg.Connection:
    """Laravel's tables beside qsup's."""
    db.execute(LARAVEL)
    return db


def payload(job: str) -> str:
    command = f'O:{len(job)}:"{job}":1:{{s:9:"\0*\0router";i:1;}}'
    return json.dumps({"uuid": "x", "displayName": job, "data": {"commandName": job, "command": command}})


def put(db: psycopg.Connection, queue: str, job: str, *, delay: int = 0, reserved: bool = False) -> None:
    now = int(time.time())
    db.execute(
        "INSERT INTO jobs (queue, payload, attempts, reserved_at, available_at, created_at)"
        " VALUES (%s, %s, 0, %s, %s, %s)",
        [queue, payload(job), now if reserved else None, now + delay, now],
    )


def told(routing: Routing | None, db: psycopg.Connection, *heard: str) -> list[str]:
    return [str(problem) for problem in check(routing, heard, db)]


def test_the_job_of_the_incident_is_found_in_laravel_s_table(routing: Routing, laravel: psycopg.Connection) -> None:
    put(laravel, "router-provisioning", r"App\Jobs\RouterProvisioningJob")
    put(laravel, "router-provisioning", r"App\Jobs\RouterProvisioningJob", delay=600)
    put(laravel, "router-provisioning", r"App\Jobs\RouterProvisioningJob", reserved=True)
    put(laravel, "payments", r"App\Jobs\PayJob")
    assert told(routing, laravel, "provisioning", "payments") == [
        r"public.jobs: 1 waiting, 1 delayed, 1 reserved jobs of App\Jobs\RouterProvisioningJob in queue"
        " router-provisioning, and nobody hears it, did you mean provisioning? [Q311]"
    ]


def test_a_class_that_the_file_does_not_have_is_a_warning_only_where_there_is_a_file(
    routing: Routing, laravel: psycopg.Connection
) -> None:
    put(laravel, "payments", r"App\Jobs\PayJobs")
    assert told(routing, laravel, "payments") == [
        r"warning: public.jobs: 1 waiting job of App\Jobs\PayJobs in queue payments, but `jobs:` has no PayJobs,"
        " did you mean PayJob? [Q312]"
    ]
    assert told(None, laravel, "payments") == []


def test_failed_jobs_of_an_unheard_queue_are_a_warning(routing: Routing, laravel: psycopg.Connection) -> None:
    laravel.execute(
        "INSERT INTO failed_jobs (connection, queue, payload, exception) VALUES ('database', 'sms', %s, 'E')",
        [payload(r"App\Jobs\SmsJob")],
    )
    [found] = check(routing, ["payments"], laravel)
    assert (found.code, found.severity, found.queue, found.job) == ("Q313", "warning", "sms", "SmsJob")


def test_tables_are_known_by_their_columns_whatever_they_are_called(
    routing: Routing, laravel: psycopg.Connection
) -> None:
    laravel.execute('CREATE SCHEMA "My App"; ALTER TABLE jobs RENAME TO "queue-jobs"')
    laravel.execute('ALTER TABLE "queue-jobs" SET SCHEMA "My App"')
    laravel.execute(
        'INSERT INTO "My App"."queue-jobs" (queue, payload, attempts, available_at, created_at)'
        " VALUES (%s, %s, 0, 1, 1)",
        ["ghost", "{}"],
    )
    assert told(routing, laravel, "payments") == [
        "My App.queue-jobs: 1 waiting job of unknown classes in queue ghost, and nobody hears it,"
        " declare the queue, or let a worker listen to it [Q311]"
    ]


def test_a_database_without_laravel_has_nothing_to_say(routing: Routing, db: psycopg.Connection) -> None:
    assert told(routing, db) == []
