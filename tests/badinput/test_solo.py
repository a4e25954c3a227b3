"""`qsup worker` among damaged files of its own, with jobs that Python's JSON reader refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.badinput.test_poison import DEEP
from tests.conftest import Eventually
from tests.solo.test_worker_command import Project


@pytest.fixture
def project(tmp_path: Path, dsn: str) -> Iterator[Project]:
    found = Project(tmp_path, dsn)
    yield found
    found.close()


@pytest.mark.parametrize("garbage", [bytes(32), b"\xff" * 32, b"x" * 32, b""], ids=["zeros", "no text", "x", "empty"])
def test_it_works_whatever_its_lock_and_its_board_hold(
    garbage: bytes, project: Project, db: psycopg.Connection, eventually: Eventually
) -> None:
    folder = project.path / ".qsup" / "run" / "solo"
    for part in (folder.parent.parent, folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
    (folder / "q-0.lock").write_bytes(garbage)
    (folder / "q-0.board").write_bytes(garbage)
    worker = project.worker()
    for body in (DEEP, '{"path": "x", "seconds": 1e5000}', json.dumps({"path": str(project.notes), "text": "good"})):
        db.execute("SELECT qsup.dispatch('Note', %s::jsonb)", (body,))
    eventually(lambda: project.notes.exists(), 30, what="the good job ran")
    eventually(lambda: db.execute("SELECT count(*) FROM qsup.failed_jobs").fetchone() == (2,), 30, what="two failed")
    assert worker.poll() is None
    assert (folder / "q-0.lock").read_text().isalnum()
