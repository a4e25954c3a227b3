"""What the children say about the database: kept for `qsup status`, told to the operator, and what follows from it."""

from __future__ import annotations

from pathlib import Path

from qsup.database import shown
from qsup.messages import Database, Refused
from qsup.supervise.events import DatabaseAt, Event, Fatal
from qsup.supervise.launcher import migrate
from qsup.supervise.liaison import Liaison
from qsup.supervise.model import DATABASE
from qsup.supervise.say import Voice
from qsup.supervise.statefile import Json


class Tidings:
    """The last news."""

    def __init__(self, file: Path, liaison: Liaison, voice: Voice, *, embedded: bool) -> None:
        self.file, self.liaison, self.voice = file, liaison, voice
        self.known: Json = {"state": "unknown", "detail": "", "embedded": embedded}
        self.declared = 0
        """The generation whose types the courier has declared in the database."""
        self._migrating = 0
        """Pid of the child that brings the schema of the embedded database up to date."""

    @property
    def dsn(self) -> str:
        """Where rows can be looked at; empty while nobody answers there."""
        return self.liaison.dsn if self.known["state"] == "up" else ""

    def hear(self, name: str, message: Database) -> list[Event]:
        """Up or away; and, from the database child, where."""
        events: list[Event] = []
        if name == DATABASE and message.dsn and message.dsn != self.liaison.dsn:
            self.liaison.dsn = message.dsn
            events = self._migrate(message.dsn)
            self.voice.say(f"database: {message.detail}; psql '{shown(message.dsn)}'")
        elif (message.state, message.detail) != (self.known["state"], self.known["detail"]):
            rest = "" if message.state == "up" else "; workers finish their jobs and outcomes are kept"
            self.voice.say(f"database {message.state}: {message.detail}{rest}")
        self.known = {**self.known, "state": message.state, "detail": message.detail}
        return events

    def refused(self, message: Refused) -> list[Event]:
        """The courier may not work there."""
        self.voice.say(f"the courier claims nothing: {message.reason}")
        self.known = {**self.known, "state": "refused", "detail": message.reason}
        return [Fatal(1)] if message.fatal else []

    def applied(self, generation: int) -> None:
        """Its types are declared."""
        if generation != self.declared:
            self.voice.say(f"generation {generation} is declared in the database: its jobs can be dispatched")
        self.declared = generation

    def buried(self, pid: int) -> list[Event]:
        """A child has ended. If it was to migrate and failed, the courier says what is wrong with the schema."""
        return [DatabaseAt()] if pid == self._migrating else []

    def _migrate(self, dsn: str) -> list[Event]:
        try:
            self._migrating = migrate(self.file, dsn)
        except OSError:
            # No process to be had; the courier looks at the schema again and again, and says what is missing.
            return [DatabaseAt()]
        return []
