"""The listener: a connection of its own that does nothing but LISTEN, so that no query ever delays a notification.

It may lose its connection quietly; the poll behind it is the guarantee, so nothing here is an error for anybody.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import psycopg

from qsup import connect
from qsup.errors import QsupError

CHECK_EVERY = 30.0
"""Seconds without a notification after which the connection is asked whether it still lives."""


class Listener(threading.Thread):
    """Calls `wake(queue)` for every notification, and for each reconnection `wake("")` for what was missed."""

    def __init__(self, dsn: str, supervisor: str, wake: Callable[[str], None]) -> None:
        super().__init__(name="listener", daemon=True)
        self._dsn = dsn
        self._role = f"listener:{supervisor[:12]}"
        self._wake = wake
        self.ended = False
        """Set to leave it behind: another listener works for another database."""

    def run(self) -> None:
        """Listen, reconnect, listen."""
        wait = 0.2
        while not self.ended:
            try:
                self._listen()
                wait = 0.2
            except (QsupError, psycopg.Error, OSError):
                time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret
                wait = min(5.0, wait * 2)

    def _listen(self) -> None:
        with connect.open_own(self._dsn, role=self._role) as conn:
            conn.execute("LISTEN qsup")
            self._wake("")
            while not self.ended:
                for note in conn.notifies(timeout=CHECK_EVERY):
                    self._wake(note.payload)
                conn.execute("SELECT 1")
