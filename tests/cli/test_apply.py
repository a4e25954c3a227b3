"""`qsup apply`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from psycopg import Connection

from tests.cli.program import FILE, Qsup
from tests.schema.rows import one


def test_what_the_file_declares_can_be_dispatched_from_then_on(qsup: Qsup, db: Connection[Any]) -> None:
    answer = qsup("apply")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "declared 2 queues and 1 job classes of queues.yaml\n"
    assert one(db, "SELECT id FROM qsup.dispatch('Note', '{}')")
    found = db.execute("SELECT name, workers, keep FROM qsup.queues ORDER BY name").fetchall()
    assert found == [("notes", 1, 0.0), ("other", 2, 604800.0)]


def test_what_has_left_the_file_is_named(qsup: Qsup, db: Connection[Any], shop: Path) -> None:
    qsup("apply")
    db.execute("SELECT qsup.dispatch('Note', '{}')")
    (shop / "queues.yaml").write_text("version: 1\nqueues:\n  other: {workers: 2}\n")
    answer = qsup("apply")
    assert answer.stdout.splitlines()[1:] == [
        "retired queues: notes; dispatch refuses them, waiting rows are kept",
        "retired jobs: Note; dispatch refuses them, waiting rows are kept",
    ]
    message = (
        "unheard: queue notes holds 1 job of Note, but no worker of this file serves it, did you mean other? [Q301]"
    )
    assert answer.stderr == message + "\n"
    assert len(json.loads(qsup("apply", "--json").stdout)["unheard"]) == 1
    (shop / "queues.yaml").write_text(FILE)
    told = json.loads(qsup("apply", "--json").stdout)
    assert "[Q301]" not in str(told.pop("unheard")), "the row is served again"
    assert told == {"queues": ["notes", "other"], "jobs": ["Note"], "retired_queues": [], "retired_jobs": []}


def test_a_database_without_the_schema_is_not_touched(fresh: Qsup) -> None:
    answer = fresh("apply")
    assert answer.returncode == 1
    assert answer.stderr == "qsup: this database has no schema qsup yet: run `qsup migrate`\n"


def test_a_bad_file_changes_nothing(qsup: Qsup, db: Connection[Any], shop: Path) -> None:
    (shop / "queues.yaml").write_text(FILE + "  Ping: {queue: note, handler: jobs:ping}\n")
    answer = qsup("apply")
    assert answer.returncode == 78
    assert "queues.yaml:7" in answer.stderr
    assert one(db, "SELECT count(*) FROM qsup.queues") == 0
