"""A database of the version before: its failed jobs get what can be known of them, and its code goes on working."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from qsup import migrate, store
from qsup.operating import begin
from qsup.retrying import retry
from tests.schema.rows import claim, job, put

OLD_INSERT = (
    "INSERT INTO qsup.failed_jobs (id, queue, type, payload, attempts, crashes, cause, exception, message, traceback,"
    " created_at) VALUES (%s, 'a', 'Note', '{}', 1, 0, %s, %s, %s, '', now())"
)
ROWS = [
    (1, "tries", "ValueError", "no"),
    (2, "quarantined", "", "it killed its worker 3 times, last: its worker was killed by signal 9 (SIGKILL)"),
    (3, "tries", "qsup.perform.TimeLimit", "over its time limit of 1 s"),
    (4, "tries", "", "it ignored its time limit and was killed at the hard end"),
    (5, "tries", "", "it used more than twice its memory limit and was killed"),
]


def test_old_rows_get_the_fence_of_their_events_and_a_fingerprint(empty_dsn: str) -> None:
    with Connection.connect(empty_dsn, autocommit=True) as conn:
        for each in migrate.migrations()[:2]:
            conn.execute(each.script.encode())
        for row in ROWS:
            conn.execute(OLD_INSERT, row)
            conn.execute("INSERT INTO qsup.job_events (job_id, kind, claim) VALUES (%s, 'tries', 7)", (row[0],))
        migrate.migrate_connection(conn)
        found = conn.execute("SELECT id, claim_number, symptom FROM qsup.failed_jobs ORDER BY id").fetchall()
        signal = "its worker was killed by signal 9 (SIGKILL)"
        assert found == [(1, 7, ""), (2, 7, signal), (3, 7, "timeout"), (4, 7, "timeout"), (5, 7, "memory")]
        prints = [row[0] for row in conn.execute("SELECT fingerprint FROM qsup.failed_jobs ORDER BY id").fetchall()]
        assert prints[2] == prints[3]
        assert len(set(prints)) == 4


def test_what_code_of_the_version_before_stores_can_be_retried_above_its_fence(world: Connection[Any]) -> None:
    put(world)
    for _ in range(4):
        key = claim(world)[0].key
        store.release(world, [(key, "x")])
    [number, old] = claim(world)[0].key
    world.execute("DELETE FROM qsup.jobs")
    world.execute(OLD_INSERT, (number, "tries", "", ""))
    world.execute("INSERT INTO qsup.job_events (job_id, kind, claim) VALUES (%s, 'tries', %s)", (number, old))
    assert not retry(world, begin(world, "retry", "", {}), [number], None)[0].refused
    row = job(world, number)
    assert row is not None
    assert row["claim_number"] > old
