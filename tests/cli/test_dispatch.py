"""`qsup dispatch`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from qsup import declare
from tests.cli.program import Qsup
from tests.schema.rows import a_file, one


@pytest.fixture(autouse=True)
def _world(db: Connection[Any]) -> None:
    declare.apply(db, a_file({"notes": 1, "other": 1}, {"Note": "notes"}), "us")


def rows(db: Connection[Any]) -> list[tuple[Any, ...]]:
    return db.execute("SELECT id, queue, state, payload, unique_key FROM qsup.jobs ORDER BY id").fetchall()


def test_a_job_is_stored_and_its_id_printed(qsup: Qsup, db: Connection[Any]) -> None:
    answer = qsup("dispatch", "Note", '{"text": "x"}')
    assert answer.returncode == 0, answer.stderr
    [(number, *rest)] = rows(db)
    assert answer.stdout == f"Note {number}\n"
    assert rest == ["notes", "ready", {"text": "x"}, None]
    assert "nobody listens to notes at the moment" in answer.stderr


def test_the_options_are_those_of_the_method(qsup: Qsup, db: Connection[Any], shop: Path) -> None:
    (shop / "payload.json").write_text('{"text": "from a file"}')
    options = ("-f", "payload.json", "--delay", "5m", "--queue", "other", "--unique", "k", "--json")
    first, second = qsup("dispatch", "Note", *options), qsup("dispatch", "Note", *options)
    [(number, *rest)] = rows(db)
    assert rest == ["other", "scheduled", {"text": "from a file"}, "k"]
    assert [json.loads(answer.stdout) for answer in (first, second)] == [{"job": "Note", "ids": [number]}] * 2
    wait = one(db, "SELECT extract(epoch FROM available_at - created_at)::float8 FROM qsup.jobs")
    assert wait == pytest.approx(300, abs=1)


def test_a_payload_from_standard_input_many_times(qsup: Qsup, db: Connection[Any]) -> None:
    answer = qsup("dispatch", "Note", "-f", "-", "--count", "2500", stdin='{"text": "piped"}')
    ids = [row[0] for row in rows(db)]
    assert len(ids) == 2500
    assert answer.stdout == f"2500 x Note: {ids[0]} to {ids[-1]}\n"


REFUSED = {
    "an unknown job": (("Nota", "{}"), 1, "qsup: no queue is declared for the job class Nota\n  Did you mean Note?"),
    "an undeclared queue": (("Note", "{}", "--queue", "nots"), 1, "qsup: the queue nots is not declared"),
    "no JSON": (("Note", "{text}"), 1, "qsup: the payload is not JSON: "),
    "no object": (("Note", "[1]"), 1, "qsup: the payload of Note is not a JSON object"),
    "no number": (("Note", '{"number": NaN}'), 1, "qsup: PostgreSQL cannot store the payload: "),
    "no payload": (("Note",), 2, "Give the payload either as an argument"),
    "two payloads": (("Note", "{}", "-f", "x"), 2, "Give the payload either as an argument"),
    "no such file": (("Note", "-f", "nowhere.json"), 1, "qsup: cannot read nowhere.json"),
    "no time": (("Note", "{}", "--delay", "soon"), 2, "--delay"),
    "one key for many": (("Note", "{}", "--unique", "k", "--count", "2"), 2, "--unique and --count exclude each other"),
}


def test_what_is_refused_is_said_in_a_sentence_and_stores_nothing(qsup: Qsup, db: Connection[Any]) -> None:
    for case, (arguments, code, message) in REFUSED.items():
        answer = qsup("dispatch", *arguments)
        assert answer.returncode == code, (case, answer.stderr)
        assert message in answer.stderr, case
        assert "Traceback" not in answer.stderr, case
        assert answer.stdout == "", case
    assert rows(db) == []


def test_one_bad_batch_stores_none_of_them(qsup: Qsup, db: Connection[Any]) -> None:
    db.execute(
        "CREATE FUNCTION public.at_most() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT count(*) FROM qsup.jobs) > 1500 THEN RAISE EXCEPTION 'full'; END IF; RETURN NULL; END $$;"
        "CREATE TRIGGER at_most AFTER INSERT ON qsup.jobs FOR EACH STATEMENT EXECUTE FUNCTION public.at_most()"
    )
    assert qsup("dispatch", "Note", "{}", "--count", "2500").returncode != 0
    assert rows(db) == []
