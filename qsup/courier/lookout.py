"""The lookout: a connection that looks, once a second, what there is to do, and listens for operators' commands.

Nothing long runs on it, so that no work delays a look: that is the house's. It may lose its connection quietly;
the claim loop polls by itself as long as nobody has looked, so nothing here is an error for anybody.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from qsup import connect
from qsup.courier.duty import Duty
from qsup.courier.house import House, Housekeeper
from qsup.courier.link import PLANS
from qsup.errors import QsupError
from qsup.orders import Obeyed
from qsup.wake import wait


class Lookout(threading.Thread):
    """Calls `wake(queue)` for what it sees, and for each reconnection `wake("")` for what was missed."""

    def __init__(self, dsn: str, keeper: Housekeeper, wake: Callable[[str], None]) -> None:
        super().__init__(name="lookout", daemon=True)
        self._dsn, self._keeper, self._wake = dsn, keeper, wake
        self.house = House(dsn, keeper)
        self._bell, self._ringer = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._ringer, False)
        self._look = True
        self.ended = False

    def start(self) -> None:
        """Both threads."""
        self.house.start()
        super().start()

    def run(self) -> None:
        """Listen and look until `end`."""
        pause = 0.2
        while not self.ended:
            try:
                self._serve()
                pause = 0.2
            except (QsupError, psycopg.Error, OSError):
                time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret
                pause = min(5.0, pause * 2)

    def alive(self) -> bool:
        """Whether both threads do their work, or have ended as they were told."""
        return self.ended or (self.is_alive() and self.house.is_alive())

    def end(self) -> None:
        """Leave it behind: another works for another database."""
        self.ended = True
        self.house.end()
        self.look_soon()

    def configure(self, duty: Duty) -> None:
        """Work by another file from now on."""
        self._keeper.duty = duty
        self._keeper.forget("beat")
        self.look_soon()
        self.house.call()

    def heard(self, obeyed: Obeyed) -> None:
        """What the supervisor says to an order."""
        self._keeper.commands.heard(obeyed)
        self.house.call()

    def look_soon(self) -> None:
        """Something has changed: do not wait for the next look."""
        self._look = True
        self._ring()

    def scheduled(self, delay: float) -> None:
        """A job is to run again after so many seconds; what is not due soon is found by a look."""
        if delay < 1.0:
            self.house.call()

    def _ring(self) -> None:
        try:
            os.write(self._ringer, b"1")
        except BlockingIOError:
            return

    def _serve(self) -> None:
        role = f"lookout:{self._keeper.duty.supervisor[:12]}"
        with connect.open_own(self._dsn, role=role) as conn:
            conn.execute(PLANS)
            conn.execute("LISTEN qsup_command")
            conn.add_notify_handler(lambda _: self.house.call())
            self._keeper.connected_at = time.monotonic()
            self._keeper.commands.forget()
            self._wake("")
            while not self.ended:
                self._look = False
                rest, busy = self._keeper.glance(conn)
                if busy:
                    self.house.call()
                self._listen(conn, time.monotonic() + max(0.01, rest))

    def _listen(self, conn: psycopg.Connection[Any], until: float) -> None:
        while not self._look and (left := until - time.monotonic()) > 0:
            wait([conn.fileno(), self._bell], [], left)
            _drain(self._bell)
            # Each comes to the handler; not asked for by `notifies`, which would wait.
            conn.pgconn.consume_input()
            while conn.pgconn.notifies() is not None:
                self.house.call()


def _drain(bell: int) -> None:
    try:
        os.read(bell, 4096)
    except BlockingIOError:
        return
