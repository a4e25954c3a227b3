"""What dispatch and dispatch_many refuse: SQLSTATE, sentence and hint. One database for all: nothing is ever stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from qsup.embedded import Server
from tests.conftest import migrated_database
from tests.schema.rows import one
from tests.schema.test_closed import closed_world


@pytest.fixture(scope="module")
def db(server: Server, template: str) -> Iterator[Connection[Any]]:
    """A connection to one closed world for the whole module."""
    with migrated_database(server, template) as dsn, Connection.connect(dsn, autocommit=True) as conn:
        closed_world(conn)
        yield conn


def refused(db: Connection[Any], call: str) -> tuple[str, str, str]:
    """SQLSTATE, message and hint; nothing may have been stored."""
    before = one(db, "SELECT count(*) FROM qsup.jobs")
    with pytest.raises(psycopg.Error) as caught:
        db.execute(f"SELECT qsup.{call}".encode())
    assert one(db, "SELECT count(*) FROM qsup.jobs") == before
    diag = caught.value.diag
    return diag.sqlstate or "", diag.message_primary or "", diag.message_hint or ""


J = "'ProcessPaymentJob'"
REFUSED = {
    "dispatch('Zzz', '{}')": ("QS001", "no queue is declared for the job class Zzz", "Add Zzz to jobs:"),
    "dispatch(NULL, '{}')": ("QS001", "no queue is declared for the job class NULL", "Add it to jobs:"),
    "dispatch('', '{}')": ("QS001", "no queue is declared for the job class ", ""),
    f"dispatch({J}, '{{}}', queue => 'paiments')": (
        "QS002", "the queue paiments is not declared", "Did you mean payments? Declare paiments with workers"),
    f"dispatch({J}, '{{}}', queue => '')": ("QS002", "the queue  is not declared", ""),
    "dispatch('OldJob', '{}')": (
        "QS003", "the job class OldJob is retired: no applied queues.yaml declares it any more", "Add OldJob"),
    f"dispatch({J}, '{{}}', queue => 'old')": (
        "QS003", "the queue old is retired: no applied queues.yaml declares it any more", "Give old workers"),
    "dispatch('Note', '{}')": (
        "QS006", "the queue idle is declared without workers: the job would never run", "Give idle workers"),
    f"dispatch({J}, '[1]')": ("QS004", "the payload of ProcessPaymentJob is not a JSON object", "A payload is"),
    f"dispatch({J}, NULL)": ("QS004", "the payload of ProcessPaymentJob is not a JSON object", ""),
    f"dispatch({J}, jsonb_build_object('x', repeat('y', 1000)))": (
        "QS005", "the payload of ProcessPaymentJob has 1009 bytes, the limit is 1000", "Store the data elsewhere"),
    f"dispatch({J}, '{{}}', delay => '1 s', at => now())": ("QS007", "delay and at exclude each other", "Give one"),
    f"dispatch({J}, '{{}}', at => 'infinity')": ("QS007", "a job cannot wait for ever", "Give a finite delay or at."),
    f"dispatch({J}, '{{}}', unique_key => '')": ("QS007", "the unique key has 0 characters, expected 1 to 500", ""),
    f"dispatch_many(ARRAY[{J}, 'Zzz'], ARRAY['{{}}', '{{}}']::jsonb[])": (
        "QS001", "no queue is declared for the job class Zzz", "Add Zzz"),
    f"dispatch_many(ARRAY[{J}, NULL], ARRAY['{{}}', '{{}}']::jsonb[])": (
        "QS001", "no queue is declared for the job class NULL", ""),
    f"dispatch_many(ARRAY[{J}], ARRAY['{{}}', '{{}}']::jsonb[])": ("QS004", "1 jobs and 2 payloads", "Give one"),
    f"dispatch_many(ARRAY[{J}], NULL)": ("QS004", "1 jobs and 0 payloads", ""),
    f"dispatch_many(ARRAY[{J}, {J}], ARRAY['{{}}', NULL]::jsonb[])": (
        "QS004", "payload 2 of 2 (ProcessPaymentJob): NULL with 0 bytes, expected an object of at most 1000 bytes",
        "Nothing of this call was stored."),
    f"dispatch_many(ARRAY[{J}, 'Note'], ARRAY['{{}}', '{{}}']::jsonb[])": (
        "QS006", "the queue idle is declared without workers: the job would never run", ""),
    f"dispatch_many(ARRAY[{J}], ARRAY['{{}}']::jsonb[], queue => 'old')": (
        "QS003", "the queue old is retired: no applied queues.yaml declares it any more", ""),
    f"dispatch_many(ARRAY[{J}], ARRAY['{{}}']::jsonb[], at => '-infinity')": (
        "QS007", "a job cannot wait for ever", ""),
    f"dispatch_many(ARRAY[{J}], ARRAY[jsonb_build_object('x', repeat('y', 1000))])": (
        "QS005", "payload 1 of 1 (ProcessPaymentJob): object with 1009 bytes, expected an object of at most 1000 bytes",
        "Nothing of this call was stored."),
}  # fmt: skip


@pytest.mark.parametrize("call", REFUSED)
def test_a_refused_call_stores_nothing_and_says_why(db: Connection[Any], call: str) -> None:
    state, message, hint = REFUSED[call]
    found = refused(db, call)
    assert found[:2] == (state, message)
    assert found[2].startswith(hint) or hint in found[2]
