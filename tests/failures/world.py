"""Failed jobs in a declared world, as the courier leaves them, and the command line beside them."""

from __future__ import annotations

import json
from typing import Any

from psycopg import Connection, sql

from qsup import declare, store
from qsup.outcome import Failed, Report
from tests.cli.program import Qsup
from tests.schema.rows import US, a_file, claim, one, put
from tests.schema.rows import table as named


def declared(db: Connection[Any], *, queues: dict[str, int] | None = None, jobs: dict[str, str] | None = None) -> None:
    """Apply a file; without arguments the one with the queues `a` and `b` and the class Note on `a`."""
    declare.apply(db, a_file(queues or {"a": 1, "b": 1}, {"Note": "a"} if jobs is None else jobs), US)


def fails(db: Connection[Any], count: int = 1, *, unique: str | None = None, **how: Any) -> list[int]:
    """Dispatch so many Notes, claim each and let it fail; returns their ids."""
    queue = how.pop("queue", "a")
    query = "SELECT id FROM qsup.dispatch('Note', '{\"secret\": \"x\"}', queue => %s, unique_key => %s)"
    ids = put(db, count, queue=queue) if unique is None else [one(db, query, queue, unique)]
    fail_again(db, ids, queue=queue, **how)
    return ids


def fail_again(db: Connection[Any], ids: list[int], *, queue: str = "a", hook: bool = False, **how: Any) -> None:
    """Claim what waits and let it fail."""
    report = Report(**({"kind": "error", "reason": "no luck", "exception": "ValueError", "frame": "s.py:f"} | how))
    claimed = claim(db, len(ids), queue)
    assert {each.id for each in claimed} == set(ids)
    cause: Any = "quarantined" if report.kind == "crash" else "tries"
    store.fail(db, [(each.key, Failed(cause, report.reason), report, hook) for each in claimed])


def failed_ids(db: Connection[Any]) -> list[int]:
    """What is failed and not discarded."""
    return [row[0] for row in db.execute("SELECT id FROM qsup.failed_jobs WHERE discarded_at IS NULL ORDER BY id")]


def commands(db: Connection[Any]) -> list[tuple[str, str, str]]:
    """Verb, subject and result of what operators did."""
    return db.execute(
        "SELECT verb, subject, result FROM qsup.commands WHERE done_at IS NOT NULL ORDER BY id"
    ).fetchall()


def told(qsup: Qsup, *arguments: str, code: int = 0) -> Any:
    """What a command says with --json."""
    answer = qsup(*arguments, "--json")
    assert answer.returncode == code, answer.stdout + answer.stderr
    return json.loads(answer.stdout)


def count(db: Connection[Any], table: str) -> int:
    """The rows of a table."""
    row = db.execute(sql.SQL("SELECT count(*) FROM {}").format(named(table))).fetchone()
    assert row is not None
    return int(row[0])
