"""The claim connection: opened, refused, lost, opened again; and the supervisor told what people should know."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import psycopg

from qsup import connect, migrate, store
from qsup.complaints import primary
from qsup.database import shown
from qsup.errors import ConfigUnreadable, DatabaseUnavailable
from qsup.messages import Database, Message, Refused

LONGEST_WAIT = 5.0
"""Seconds between two attempts, at the most."""
PLANS = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off"
"""The statements are written for their indexes: statistics of an empty table must not talk the planner out of them, and
planning the claim anew each time costs more than running it (0.8 against 0.4 ms of PostgreSQL's CPU, measured)."""


class Link:
    """One connection that may be away for an hour."""

    def __init__(self, tell: Callable[[Message], None], notified: Callable[[psycopg.Notify], None]) -> None:
        self._tell, self._notified = tell, notified
        self._dsn = ""
        self._name = ""
        self._conn: psycopg.Connection[Any] | None = None
        self._wait = 0.1
        self._next = 0.0
        self._state = ""
        self._ever = False

    @property
    def up(self) -> bool:
        """Whether there is a connection that was not found broken."""
        return self._conn is not None and not self._conn.closed

    @property
    def conn(self) -> psycopg.Connection[Any]:
        """The connection, while `up`."""
        assert self._conn is not None  # noqa: S101  callers look at `up`
        return self._conn

    @property
    def descriptor(self) -> int:
        """Readable when a notification has come, or the server has gone; -1 without a connection."""
        return self.conn.fileno() if self.up else -1

    def hear(self) -> None:
        """What has come by itself. Raises OperationalError when that is the end."""
        self.conn.pgconn.consume_input()
        while (note := self.conn.pgconn.notifies()) is not None:
            self._notified(psycopg.Notify(note.relname.decode(), note.extra.decode(), note.be_pid))

    def use(self, dsn: str, supervisor: str) -> None:
        """Work for this supervisor on this database from now on."""
        self.close()
        self._dsn, self._name, self._next = dsn, f"qsup:courier:{supervisor[:12]}", 0.0

    def patience(self) -> float:
        """Seconds until the next attempt."""
        return max(0.0, self._next - time.monotonic())

    def connect(self) -> bool:
        """Try, if it is time; true when the connection is there and this code may work on its schema."""
        if time.monotonic() < self._next:
            return False
        try:
            conn = connect.open_own(self._dsn, role=self._name.removeprefix("qsup:"))
        except ConfigUnreadable as error:
            self._refused(str(error))
            return False
        except (DatabaseUnavailable, OSError) as error:
            # OSError: no descriptor to be had for waiting.
            self._away(error.message if isinstance(error, DatabaseUnavailable) else f"{error.strerror or error}")
            return False
        try:
            return self._welcome(conn)
        except psycopg.Error as error:
            conn.close()
            self._away(primary(error))
            return False

    def proved(self) -> None:
        """A whole turn went well on it: only now it is up, and the next loss is a first one."""
        self._wait, self._ever = 0.1, True
        self._say(Database("up", shown(self._dsn)))

    def lost(self, error: psycopg.Error) -> None:
        """The connection broke in the middle of something, or something was refused on it."""
        self.close()
        self._away(primary(error))

    def close(self) -> None:
        """Close it."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None

    def sign_off(self, supervisor: str) -> None:
        """Say that nothing of ours needs rescuing, as far as the database can hear it."""
        if not self.up:
            return
        try:
            store.sign_off(self.conn, supervisor)
        except psycopg.Error:
            return
        finally:
            self.close()

    def _welcome(self, conn: psycopg.Connection[Any]) -> bool:
        if reason := migrate.refusal(conn):
            conn.close()
            self._refused(reason)
            return False
        conn.execute(PLANS)
        # Here, and not by another thread: to hand a notification over would take longer than the claim.
        conn.add_notify_handler(self._notified)
        conn.execute("LISTEN qsup")
        connect.forgiving(conn)
        while store.end_other_backends(conn, self._name):
            # An earlier courier's connection may still be claiming; what it claims must be visible before we settle.
            time.sleep(0.02)
        self._conn = conn
        return True

    def _refused(self, reason: str) -> None:
        self._next = time.monotonic() + LONGEST_WAIT
        self._say(Refused(reason, fatal=not self._ever))

    def _away(self, why: str) -> None:
        self._next = time.monotonic() + self._wait * random.uniform(0.8, 1.2)  # noqa: S311  jitter, not a secret
        self._wait = min(LONGEST_WAIT, self._wait * 2)
        self._say(Database("away", why))

    def _say(self, message: Database | Refused) -> None:
        # "away" is said again when the reason is another one: first the server was gone, now a right is missing.
        state = f"{message.state}: {message.detail}" if isinstance(message, Database) else message.reason
        if state != self._state:
            self._state = state
            self._tell(message)
