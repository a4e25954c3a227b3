"""The two views for reports: what files declare, who works, what waits, what failed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import Connection

from qsup import declare
from tests.schema.rows import US, a_file, claim, one, put

WORLD = a_file({"a": 2, "b": 1}, {"Note": "a"}, tries=4, timeout=90.0, sleep=2.5, purpose="Notes → people")


@pytest.fixture(autouse=True)
def _declared(db: Connection[Any]) -> None:
    declare.apply(db, WORLD, US)


def overview(db: Connection[Any], queue: str) -> dict[str, Any]:
    cursor = db.execute("SELECT * FROM qsup.queue_overview WHERE queue = %s", [queue])
    names = [column.name for column in cursor.description or []]
    rows = cursor.fetchall()
    assert len(rows) == 1
    return dict(zip(names, rows[0], strict=True))


def process(db: Connection[Any], name: str, slots: dict[str, int], listens: list[str], silent: int = 0) -> None:
    db.execute(
        "INSERT INTO qsup.supervisors (id, host, pid, code, config_file, generation, listens, declares, beat_at)"
        " VALUES (%s, 'h', 1, 'c', 'f', 1, %s, %s, clock_timestamp() - make_interval(secs => %s))",
        [name, listens, json.dumps({"queues": {}, "jobs": {}, "slots": slots}), silent],
    )


def test_the_settings_of_the_file_are_told(db: Connection[Any]) -> None:
    row = overview(db, "a")
    assert (row["declared"], row["workers"], row["tries"], row["timeout_s"], row["sleep_s"]) == (True, 2, 4, 90.0, 2.5)
    assert row["purpose"] == "Notes → people"


def test_an_edit_of_a_setting_is_told_and_the_same_again_writes_nothing(db: Connection[Any]) -> None:
    before = one(db, "SELECT xmin::text FROM qsup.queues WHERE name = 'a'")
    declare.apply(db, WORLD, US)
    assert one(db, "SELECT xmin::text FROM qsup.queues WHERE name = 'a'") == before
    declare.apply(db, a_file({"a": 2}, {"Note": "a"}, tries=5), US)
    assert overview(db, "a")["tries"] == 5


def test_a_purpose_that_cannot_be_stored_stops_no_apply(db: Connection[Any]) -> None:
    declare.apply(db, a_file({"a": 2}, {"Note": "a"}, purpose="x\0y \ud800"), US)
    assert overview(db, "a")["purpose"] == "x\\0y \\ud800"


def test_jobs_are_counted_by_state_with_the_one_that_waits_longest(db: Connection[Any]) -> None:
    put(db, 3)
    put(db, 1, delay=60)
    claim(db)
    row = overview(db, "a")
    assert (row["ready"], row["running"], row["scheduled"], row["overdue"]) == (2, 1, 1, 0)
    assert row["oldest_ready_at"] == one(db, "SELECT min(available_at) FROM qsup.jobs WHERE state = 'ready'")
    db.execute("UPDATE qsup.jobs SET lease_until = now() - interval '1 s' WHERE state = 'running'")
    assert overview(db, "a")["overdue"] == 1
    assert overview(db, "b")["oldest_ready_at"] is None


def test_failed_jobs_are_counted_until_they_are_discarded(db: Connection[Any]) -> None:
    for number, hours in enumerate([0, 0, 2]):
        db.execute(
            "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, created_at, failed_at)"
            " VALUES (%s, 'gone', 'Note', '{}', 1, 0, 'tries', now(), now() - make_interval(hours => %s))",
            [number, hours],
        )
    row = overview(db, "gone")
    assert (row["declared"], row["workers"], row["tries"], row["purpose"]) == (False, 0, None, "")
    assert (row["failed"], row["failed_last_hour"]) == (3, 2)
    db.execute("UPDATE qsup.failed_jobs SET discarded_at = now(), discarded_by = 1 WHERE id = 0")
    assert overview(db, "gone")["failed"] == 2


def test_only_living_processes_count_as_listeners_and_a_solo_worker_is_one_slot(db: Connection[Any]) -> None:
    process(db, "run", {"a": 2, "b": 1}, ["a", "b"])
    process(db, "solo", {}, ["a"])
    process(db, "dead", {"a": 2, "b": 1}, ["a", "b"], silent=31)
    assert (overview(db, "a")["processes"], overview(db, "a")["slots"]) == (2, 3)
    assert (overview(db, "b")["processes"], overview(db, "b")["slots"]) == (1, 1)
    rows = db.execute("SELECT id, alive, solo, slots FROM qsup.process_overview ORDER BY id").fetchall()
    assert rows == [("dead", False, False, 3), ("run", True, False, 3), ("solo", True, True, 1)]
