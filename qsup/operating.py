"""What every command of an operator needs: a connection whose errors are sentences, and the row of who did what."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection

from qsup import connect, sql
from qsup.complaints import as_error
from qsup.errors import DatabaseUnavailable
from qsup.migrate import require


@contextmanager
def operator(dsn: str) -> Iterator[Connection[Any]]:
    """A connection to a database on whose schema this code may work. Raises QsupError."""
    with connect.open_own(dsn, role="operator") as conn:
        try:
            require(conn)
            yield conn
        except psycopg.Error as error:
            if not conn.closed:
                raise as_error(error) from None
            hint = "The command's row in qsup.commands says how far it came; give it again for the rest."
            raise DatabaseUnavailable(f"the database was lost: {str(error).strip()}", hint=hint) from None


def who(environ: Mapping[str, str]) -> str:
    """Who gives the command, for the audit row: QSUP_WHO, else user@host."""
    if environ.get("QSUP_WHO", "").strip():
        return environ["QSUP_WHO"].strip()[:200]
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's uid without a line in passwd.
        user = f"uid{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def now(conn: Connection[Any]) -> datetime:
    """The server's time."""
    row = conn.execute(sql.text("now")).fetchone()
    assert row is not None  # noqa: S101  a SELECT without FROM
    found: datetime = row[0]
    return found


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is being carried out: its row in qsup.commands."""

    conn: Connection[Any]
    id: int
    who: str

    @property
    def note(self) -> str:
        """For the story of a job that it touches."""
        return f"by {self.who} (command {self.id})"

    def result(self, text: str) -> None:
        """What has come of it so far; in the transaction of what it says."""
        self.conn.execute(sql.text("finish_command"), {"id": self.id, "result": text})


def begin(conn: Connection[Any], verb: str, subject: str, arguments: dict[str, Any]) -> Command:
    """Write the row of a command that is carried out here and at once."""
    name = who(os.environ)
    values = {"who": name, "verb": verb, "subject": subject, "arguments": json.dumps(arguments), "result": "begun"}
    row = conn.execute(sql.text("leave_command"), values).fetchone()
    assert row is not None  # noqa: S101  INSERT … RETURNING
    return Command(conn, int(row[0]), name)
