"""Payloads that PostgreSQL takes and Python's own JSON reader does not: one such job must not stop the others."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.courier.rig import Rig
from tests.courier.test_jobs_run import put, ready

DEEP = '{"path": "x", "text": ' + "[" * 5000 + "]" * 5000 + "}"
POISON = {
    "nested 5,000 deep": (DEEP, "recursion limit exceeded"),
    "a number of 5,001 digits": ('{"path": "x", "seconds": 1e5000}', "number out of range"),
    "a number of 131,072 digits": ('{"path": "x", "seconds": 1e131071}', "number out of range"),
    "another shape": ('{"text": ["a"]}', "path: Field required; text: Input should be a valid string"),
    "extra fields": ('{"path": "x", "more": 1}', "more: Extra inputs are not permitted"),
}  # fmt: skip


def stored(rig: Rig, payload: str) -> int:
    """As psql would put it in: nothing of Python's looks at it."""
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        row: Any = conn.execute("SELECT id FROM qsup.dispatch('Note', %s::jsonb)", (payload,)).fetchone()
    return int(row[0])


@pytest.fixture
def serving(rig: Rig) -> Rig:
    ready(rig, workers=1, tries=1)
    return rig


def test_each_fails_with_a_sentence_and_the_next_job_runs(serving: Rig) -> None:
    rig, courier, workers = serving, serving.courier.popen.pid, dict(serving.workers)
    ids = [stored(rig, payload) for payload, _ in POISON.values()]
    put(rig, text="after them")
    rig.until(rig.drained, "everything ended")
    failed = dict(rig.rows("SELECT id, message FROM qsup.failed_jobs"))
    assert sorted(failed) == ids
    for number, (_, said) in zip(ids, POISON.values(), strict=True):
        assert failed[number].startswith("not a payload of Note: ")
        assert said in failed[number]
    assert rig.lines()[-1].endswith("after them")
    assert rig.courier.popen.poll() is None
    assert (rig.courier.popen.pid, rig.workers) == (courier, workers), "somebody died of it"


def test_the_sentence_names_the_field_and_not_the_value(serving: Rig) -> None:
    stored(serving, '{"path": "x", "seconds": "s3cret", "s3cond": 1}')
    serving.until(serving.drained, "it ended")
    [(message, trace)] = serving.rows("SELECT message, traceback FROM qsup.failed_jobs")
    assert message == (
        "not a payload of Note: seconds: Input should be a valid number, unable to parse string as a number; "
        "s3cond: Extra inputs are not permitted"
    )
    assert "s3cret" not in message + trace + serving.template.log.read_text() + serving.courier.log.read_text()
