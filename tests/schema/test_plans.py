"""The plans of the hot statements with 300,000 ready and 300,000 scheduled rows: what they touch, not how long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection, sql

from qsup import declare, store
from qsup.embedded import Server
from qsup.prepared import numbered
from qsup.rows import Want
from tests.conftest import migrated_database
from tests.schema.rows import a_file, one

ROWS = 300_000
QUEUES = ("a", "b", "c")
VALUES: dict[str, Any] = {
    "done": [1, 2], "done_claims": [1, 1], "queues": ["a", "b"], "counts": [3, 2], "after": [0, 0], "firsts": [0, 3],
    "timeouts": [60.0, 60.0], "slacks": [30.0, 30.0], "supervisor": "us", "slots": ["a:0", "a:1", "a:2", "b:0", "b:1"],
    "job_timeouts": {}, "queue": "a",
}  # fmt: skip


def load(db: Connection[Any], rows: int) -> None:
    """So many ready and so many scheduled rows, over all queues; the foreign keys hold and need not be asked."""
    db.execute("SET session_replication_role = replica")
    db.execute(
        "INSERT INTO qsup.jobs (queue, type, payload, state, available_at)"
        " SELECT (ARRAY['a', 'b', 'c'])[1 + n %% 3], 'Note', '{}', state, now() + interval '1 s' * n"
        " FROM generate_series(1, %s) AS n, (VALUES ('ready'), ('scheduled')) AS s (state)",
        (rows,),
    )
    db.execute("RESET session_replication_role")


def prepared(db: Connection[Any], name: str) -> None:
    """Prepare a statement on the server, as the courier does at its first use."""
    query, _ = numbered(name)
    db.execute(b"PREPARE " + name.encode() + b" AS " + query)


def plan(db: Connection[Any], name: str, *, options: str = "") -> dict[str, Any]:
    """The plan with which the prepared statement would run now."""
    _, names = numbered(name)
    values = [json.dumps(VALUES[one]) if isinstance(VALUES[one], dict) else VALUES[one] for one in names]
    call = sql.SQL("EXPLAIN ({} FORMAT JSON) EXECUTE {} ({})").format(
        sql.SQL(options), sql.Identifier(name), sql.SQL(", ").join(map(sql.Literal, values))
    )
    found = one(db, call.as_string(db).replace("%", "%%"))
    return dict(found[0])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes below."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def scans(plan: dict[str, Any]) -> set[tuple[str, str]]:
    """(node, index or table) of everything that reads qsup.jobs."""
    found = [node for node in nodes(plan["Plan"]) if "Scan" in node["Node Type"]]
    reads = [(node["Node Type"], str(node.get("Index Name", node.get("Relation Name", "")))) for node in found]
    return {(kind, name) for kind, name in reads if name.startswith("jobs")}


def indexes(plan: dict[str, Any]) -> set[str]:
    return {name for _, name in scans(plan)} - {"jobs"}


@pytest.fixture(scope="module")
def full(server: Server, template: str) -> Iterator[Connection[Any]]:
    """A connection like the courier's that prepared its statements before the 600,000 rows came."""
    with migrated_database(server, template) as dsn, Connection.connect(dsn, autocommit=True) as conn:
        declare.apply(conn, a_file(dict.fromkeys(QUEUES, 1), {"Note": "a"}), "us")
        conn.execute("SET enable_seqscan = off")
        conn.execute("ANALYZE qsup.jobs")
        for name in ("claim_and_record", "end_done", "promote", "next_due"):
            prepared(conn, name)
            plan(conn, name)
        load(conn, ROWS)
        yield conn


MODES = ["force_custom_plan", "force_generic_plan"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("statistics", ["of the empty table", "of the full table"])
def test_a_claim_reads_by_its_index_and_the_primary_key_only(full: Connection[Any], mode: str, statistics: str) -> None:
    if statistics == "of the full table":
        full.execute("ANALYZE qsup.jobs")
    full.execute(f"SET plan_cache_mode = {mode}".encode())
    found = plan(full, "claim_and_record")
    assert indexes(found) == {"jobs_ready", "jobs_pkey"}, scans(found)
    assert "Seq Scan" not in {kind for kind, _ in scans(found)}
    assert "Sort" not in {node["Node Type"] for node in nodes(found["Plan"]) if "j.seq" in str(node.get("Sort Key"))}, (
        "the rows come in the order of the index"
    )


@pytest.mark.parametrize("mode", MODES)
def test_what_has_ended_is_found_by_the_primary_key_only(full: Connection[Any], mode: str) -> None:
    full.execute(f"SET plan_cache_mode = {mode}".encode())
    found = plan(full, "end_done")
    assert indexes(found) == {"jobs_pkey"}, scans(found)
    assert {kind for kind, _ in scans(found)} == {"Index Scan"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["promote", "next_due"])
def test_what_is_due_is_found_by_its_index(full: Connection[Any], name: str, mode: str) -> None:
    full.execute(f"SET plan_cache_mode = {mode}".encode())
    found = plan(full, name)
    assert "jobs_scheduled" in indexes(found)
    assert indexes(found) <= {"jobs_scheduled", "jobs_pkey"}
    assert "Seq Scan" not in {kind for kind, _ in scans(found)}


def buffers(db: Connection[Any]) -> int:
    """Pages that one claim touches; the claim is undone."""
    with db.transaction(force_rollback=True):
        root = plan(db, "claim_and_record", options="ANALYZE, BUFFERS,")["Plan"]
    return int(root["Shared Hit Blocks"]) + int(root["Shared Read Blocks"])


def test_a_claim_touches_as_many_pages_in_a_full_table_as_in_a_small_one(
    full: Connection[Any], db: Connection[Any]
) -> None:
    declare.apply(db, a_file(dict.fromkeys(QUEUES, 1), {"Note": "a"}), "us")
    db.execute("SET enable_seqscan = off")
    load(db, 1000)
    prepared(db, "claim_and_record")
    full.execute("RESET plan_cache_mode")
    small, large = min(buffers(db) for _ in range(3)), min(buffers(full) for _ in range(3))
    assert large <= 2 * small, f"{small} pages with 1,000 rows, {large} with {ROWS:,}"


@pytest.mark.parametrize("call", ["qsup.dispatch('Note', '{}')", "qsup.dispatch('Note', '{}', unique_key => 'k')",
                                  "qsup.dispatch_many(ARRAY['Note'], ARRAY['{}'::jsonb])"])  # fmt: skip
def test_a_dispatch_never_reads_through_the_table(full: Connection[Any], call: str) -> None:
    full.execute("RESET enable_seqscan")
    with full.transaction(force_rollback=True):
        full.execute(f"SELECT {call}".encode())
        full.execute(f"SELECT {call}".encode())
        read = one(full, "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'qsup' AND relname = 'jobs'")
    full.execute("SET enable_seqscan = off")
    assert read == 0


def test_ten_claims_in_a_row_take_ten_different_jobs_in_their_order(full: Connection[Any]) -> None:
    with full.transaction(force_rollback=True):
        taken, after = [], 0
        for _ in range(10):
            _, claimed = store.claim_and_record(full, "us", [], [Want("a", ("a:0",), after, 60.0, 30.0)], {})
            taken.append(claimed[0].id)
            after = claimed[0].seq
        assert taken == sorted(set(taken))
