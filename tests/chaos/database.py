"""The PostgreSQL of a run: a server of the harness's own, reached by a DSN, or the one that `qsup run` embeds.

Either is stopped in order, killed, and kept away. The embedded one is started again by qsup's own database child at
once; it is kept away by holding the lock that every start of it needs.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from qsup import embedded
from qsup.embedded import locks
from qsup.embedded.place import Place, existing_place
from qsup.embedded.postmaster import postmaster_pid
from qsup.errors import QsupError
from tests.chaos.processes import children, send, title

STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
GONE_SECONDS = 20.0


class Database:
    """One server."""

    def __init__(self, home: Path, *, ours: bool) -> None:
        self.home, self.ours = home, ours
        self.server: embedded.Server | None = None
        self._kept_away: locks.Lock | None = None

    @property
    def place(self) -> Place:
        """Where it keeps its files."""
        place = existing_place(self.home)
        assert place is not None, f"{self.home} has no server yet"
        return place

    def postmaster(self) -> int:
        """Its pid; 0 when it is down."""
        place = existing_place(self.home)
        return 0 if place is None else postmaster_pid(place)

    def dsn(self) -> str:
        """Where it listens, also while it is down."""
        return embedded.surroundings.dsn_of(self.place, "qsup")

    def start(self) -> None:
        """Start the harness's own server (again)."""
        if self.ours and (self.server is None or not self.server.is_alive()):
            with suppress(QsupError):
                self.server = embedded.ensure(self.home)

    def hurry(self) -> None:
        """Nothing here need survive a power cut, and the disk is what everybody waits for."""
        with psycopg.connect(self.dsn(), autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET fsync = off")
            conn.execute("SELECT pg_reload_conf()")

    def stop(self, how: str) -> None:
        """Signal the postmaster and wait until it is gone."""
        pid = self.postmaster()
        send([pid] if pid else [], STOPS[how])
        deadline = time.monotonic() + GONE_SECONDS
        while self.postmaster() == pid != 0 and time.monotonic() < deadline:
            if self.server is not None:
                self.server.is_alive()
            time.sleep(0.02)

    def keep_away(self) -> None:
        """Nobody starts it until `let_back`."""
        if not self.ours and self._kept_away is None:
            with suppress(TimeoutError):
                place = self.place
                self._kept_away = locks.take(place.start_lock, exclusive=True, timeout=10, owner=place.account.owner)

    def let_back(self) -> None:
        """It may be started."""
        if self._kept_away is not None:
            self._kept_away.release()
            self._kept_away = None

    def backends(self) -> list[int]:
        """The server processes of its clients."""
        pid = self.postmaster()
        return [one for one in children(pid) if "[local]" in title(one)] if pid else []

    def processes(self) -> list[int]:
        """All of its processes."""
        pid = self.postmaster()
        return [pid, *children(pid)] if pid else []

    def spared(self) -> set[int]:
        """Children of this process whose end the embedded code waits for."""
        if self.server is not None:
            self.server.is_alive()
        pid = int(self.place.facts().get("pid", 0)) if self.ours and existing_place(self.home) else 0
        return {pid} if pid and os.path.exists(f"/proc/{pid}") else set()
