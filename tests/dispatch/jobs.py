"""Job classes for the tests of dispatching; in the declared world they are on the queue `notes`."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

import qsup
from qsup import declare
from tests.schema.rows import a_file


class Note(qsup.Job):
    """A payload with some text and a number."""

    text: str = ""
    number: float = 0


class Unwritten(qsup.Job):
    """Nobody declares it."""


class Retired(qsup.Job):
    """Nobody declares it any more."""


class Unheard(qsup.Job):
    """Its queue has no workers."""


def declare_world(db: Connection[Any]) -> None:
    """notes and other are heard, idle is not, old is retired and still has a row."""
    declare.apply(db, a_file({"old": 1}, {"Retired": "old"}), "us")
    db.execute("SELECT qsup.dispatch('Retired', '{}')")
    jobs = {"Note": "notes", "Unheard": "idle"}
    declare.apply(db, a_file({"notes": 1, "other": 1, "idle": 0}, jobs), "us")
    db.execute("UPDATE qsup.jobs SET step = 'failed'")
