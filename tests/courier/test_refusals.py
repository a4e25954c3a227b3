"""When the courier may not work, and what it does for supervisors that are gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psycopg
import pytest

from qsup.courier.duty import Duty
from qsup.courier.house import Housekeeper
from qsup.messages import Applied, Load, Refused
from tests.courier.rig import Process, Rig, a_queue, a_routing
from tests.courier.test_jobs_run import put, ready

Db = psycopg.Connection[tuple[object, ...]]

NEWER = "INSERT INTO qsup.schema_versions (version, name, oldest_code) VALUES (9999, 'from the future', 9998)"


def execute(rig: Rig, statement: str) -> None:
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        conn.execute(statement.encode())


def test_a_schema_that_needs_newer_code_is_refused_and_nothing_is_claimed(rig: Rig) -> None:
    put_first = a_routing(a_queue("q"))
    execute(rig, NEWER)
    rig.configure(put_first)
    refused = rig.until(lambda: rig.heard(Refused), "the courier refuses")[0]
    assert refused.fatal
    assert refused.reason.startswith("the schema needs code that knows version 9998; this qsup knows ")
    assert not rig.heard(Applied)


def test_a_migration_under_a_running_courier_stops_its_claims_until_the_schema_fits_again(rig: Rig) -> None:
    ready(rig)
    execute(rig, NEWER)
    refused = rig.until(lambda: rig.heard(Refused), "the courier refuses")[0]
    assert not refused.fatal
    put(rig)
    execute(rig, "DELETE FROM qsup.schema_versions WHERE version = 9999")
    assert rig.lines() == []
    rig.until(rig.drained, "it works again", 30)
    assert len(rig.lines()) == 1


def test_a_schema_that_allows_older_code_is_worked_on(rig: Rig) -> None:
    execute(rig, "INSERT INTO qsup.schema_versions (version, name, oldest_code) VALUES (9999, 'kind', 1)")
    ready(rig)
    put(rig)
    rig.until(rig.drained, "done")


@pytest.fixture
def keeper(db: Db) -> Callable[[], None]:
    """One look of a housekeeper that has long been connected, as often as it is called."""
    db.execute("INSERT INTO qsup.queues (name, workers) VALUES ('q', 1)")
    db.execute("INSERT INTO qsup.job_types (name, queue, payload_limit) VALUES ('Note', 'q', 1000)")
    duty = Duty("me", a_routing(a_queue("q")), 1, "queues.yaml", lambda: ["q"], lambda: True)
    house = Housekeeper(duty, lambda _queue: None)
    house.connected_at -= 3600

    def look() -> None:
        house.forget("rescue")
        house.turn(db)

    return look


def running(db: Db, supervisor: str, lease: str, silent: str) -> None:
    """A job that `supervisor`, silent for so long, has claimed."""
    db.execute(
        "INSERT INTO qsup.supervisors (id, host, pid, code, config_file, generation, declares, beat_at)"
        " VALUES (%s, 'elsewhere', 1, '0', 'f', 1, '{}', clock_timestamp() - %s::interval)",
        (supervisor, silent),
    )
    db.execute(
        "INSERT INTO qsup.jobs (queue, type, payload, state, attempts, claim_number, reserved_at, reserved_by,"
        " lease_until) VALUES ('q', 'Note', '{}', 'running', 1, 1, now(), %s || '/q:0',"
        " clock_timestamp() + %s::interval)",
        (supervisor, lease),
    )


def states(db: Db) -> list[tuple[object, ...]]:
    return db.execute("SELECT state, attempts, crashes FROM qsup.jobs ORDER BY id").fetchall()


def test_a_dead_host_s_job_is_rescued_at_the_second_look_and_counts_as_a_crash(
    db: Db, keeper: Callable[[], None]
) -> None:
    running(db, "gone", lease="-1 second", silent="1 minute")
    keeper()
    assert states(db) == [("running", 1, 0)]
    keeper()
    assert states(db) == [("ready", 0, 1)]
    assert db.execute("SELECT kind FROM qsup.job_events").fetchall() == [("rescued",)]
    assert db.execute("SELECT id FROM qsup.supervisors ORDER BY id").fetchall() == [("me",)]


@pytest.mark.parametrize(
    ("lease", "silent"), [("1 hour", "1 minute"), ("-1 second", "1 second")], ids=["lease not over", "heartbeat fresh"]
)
def test_nothing_is_rescued_before_the_lease_is_over_and_the_heartbeat_stale(
    db: Db, keeper: Callable[[], None], lease: str, silent: str
) -> None:
    running(db, "quiet", lease=lease, silent=silent)
    for _ in range(3):
        keeper()
    assert states(db) == [("running", 1, 0)]


def test_what_a_dead_worker_left_on_the_board_keeps_no_row_from_being_released(rig: Rig) -> None:
    ready(rig, workers=1)
    put(rig, seconds=30.0)
    rig.until(rig.lines, "the job began")
    rig.courier.kill()
    rig.template.kill()
    os.kill(rig.workers.pop("q:0"), signal.SIGKILL)
    # Everything is dead; the board still says that q:0 is busy. A new life begins without workers.
    rig.template, rig.courier = Process("qsup.template", rig.run), Process("qsup.courier.__main__", rig.run)
    rig.template.channel.send(Load(["rigjobs"], str(rig.project), str(rig.run.path)))
    rig.introduce()
    rig.until(lambda: rig.rows("SELECT 1 FROM qsup.jobs WHERE state = 'ready'"), "the row is released")
