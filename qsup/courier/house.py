"""Keeping house: what is looked at all the time, and the work that follows when there is some. Short batches, never in
the way of the claims.

Several hosts may do it at once: promotion and rescue skip rows that another one holds, the rest is harmless twice.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from qsup import connect, declare, migrate, orderbook, store
from qsup.courier.commands import Commands
from qsup.courier.duty import Duty
from qsup.courier.rescue import LOOK_EVERY, Watch
from qsup.errors import QsupError
from qsup.rows import Key
from qsup.version import __version__

GLANCE_EVERY = 1.0
"""Seconds between looks at the rows. For queues with a shorter `sleep` the claim loop polls by itself."""
LONG = 1.0
"""Seconds of rest after which looking is enough again."""
BEAT_EVERY = 5.0
SCHEMA_EVERY = 5.0
PRUNE_EVERY = 600.0
KEPT = 10.0
"""Seconds for which the connection for the work is kept without any."""


@dataclass(slots=True)
class Housekeeper:
    """What is due when. `glance` and `work` may raise psycopg errors; then they are simply called again on a new
    connection. They may be called from two threads."""

    duty: Duty
    wake: Callable[[str], None]
    outdated: Callable[[], None] = lambda: None
    """Called when this code may not work on the schema (any more)."""
    overdue: Callable[[list[Key]], None] = lambda _keys: None
    """Called with claims of ours whose lease is over."""
    connected_at: float = field(default_factory=time.monotonic)
    glanced_at: float = -60.0
    """When the rows were last looked at (time.monotonic)."""
    _done: dict[str, float] = field(default_factory=dict)
    _watch: Watch = field(default_factory=Watch)
    _told: list[str] | None = None
    commands: Commands = field(default_factory=Commands)

    def turn(self, conn: psycopg.Connection[Any]) -> float:
        """Look, and do what is due, on one connection; returns the seconds until something may be due again."""
        rest, busy = self.glance(conn)
        return min(rest, self.work(conn)) if busy else rest

    def glance(self, conn: psycopg.Connection[Any]) -> tuple[float, bool]:
        """Look what there is; returns the seconds until the next look, and whether there is work now."""
        self.beat_if_due(conn)
        if self._is_due("schema", SCHEMA_EVERY) and migrate.refusal(conn):
            self.outdated()
            return SCHEMA_EVERY, False
        if self._is_due("rescue", LOOK_EVERY):
            self._rescue(conn)
        look = store.look(conn, list(self.duty.routing.queues))
        self.glanced_at = time.monotonic()
        for queue in look.ready:
            self.wake(queue)
        due = look.due_in is not None and look.due_in <= 0
        busy = due or look.commands or self.commands.unsettled or self._waits("prune", PRUNE_EVERY) <= 0
        return GLANCE_EVERY if due or look.due_in is None else min(GLANCE_EVERY, look.due_in), busy

    def work(self, conn: psycopg.Connection[Any]) -> float:
        """Do what is due; returns the seconds until more may be."""
        if self._is_due("prune", PRUNE_EVERY):
            self._prune(conn)
        return min(self.obey_commands(conn), self._promote(conn))

    def beat_if_due(self, conn: psycopg.Connection[Any]) -> None:
        """Say that we are alive; at once when other queues than last time are heard: dispatch warns by it."""
        listens = self.duty.listens()
        if (listens != self._told or self._is_due("beat", BEAT_EVERY)) and self.duty.alive():
            self._beat(conn, listens)
            self._told = listens

    def obey_commands(self, conn: psycopg.Connection[Any]) -> float:
        """Operators' commands; seconds until the next look at them."""
        return self.commands.turn(conn, self.duty, self.wake)

    def forget(self, what: str) -> None:
        """Do it at the next turn, however recently it was done."""
        self._done.pop(what, None)

    def _is_due(self, what: str, every: float) -> bool:
        if self._waits(what, every) > 0:
            return False
        self._done[what] = time.monotonic()
        return True

    def _waits(self, what: str, every: float) -> float:
        now = time.monotonic()
        return every - (now - self._done.get(what, now - every))

    def _beat(self, conn: psycopg.Connection[Any], listens: list[str]) -> None:
        duty = self.duty
        store.beat(
            conn, duty.supervisor, host=socket.gethostname(), pid=os.getpid(), code=__version__,
            config_file=duty.config_file, generation=duty.generation, listens=listens,
            declares=declare.declares(duty.routing, solo=duty.solo),
        )  # fmt: skip

    def _promote(self, conn: psycopg.Connection[Any]) -> float:
        soonest = LONG
        for queue, due_in in store.next_due(conn, list(self.duty.routing.queues)).items():
            if due_in > 0:
                soonest = min(soonest, due_in)
                continue
            promoted = store.promote(conn, queue)
            self.wake(queue)
            soonest = 0.0 if promoted >= store.BATCH else min(soonest, 0.05)
        return soonest

    def _rescue(self, conn: psycopg.Connection[Any]) -> None:
        silent = {one.id: one.silent_s for one in store.supervisors(conn)}
        found = self._watch.look(self.duty.supervisor, silent, time.monotonic() - self.connected_at)
        if found is None:
            return
        for _, queue in store.rescue(conn, found.alive):
            self.wake(queue)
        if keys := store.overdue(conn, self.duty.supervisor):
            self.overdue(keys)
        for one in found.gone:
            store.forget_supervisor(conn, one)

    def _prune(self, conn: psycopg.Connection[Any]) -> None:
        if store.prune(conn) | orderbook.prune(conn):
            self.forget("prune")
        declare.forget(conn)


class House(threading.Thread):
    """Does the Housekeeper's work when it is called, on a connection that it opens for it and closes after a while."""

    def __init__(self, dsn: str, keeper: Housekeeper) -> None:
        super().__init__(name="house", daemon=True)
        self._dsn = dsn
        self._keeper = keeper
        self._called = threading.Event()
        self.ended = False

    def run(self) -> None:
        """Work until `ended`."""
        wait = 0.2
        while not self.ended:
            self._called.wait()
            try:
                self._serve()
                wait = 0.2
            except (QsupError, psycopg.Error, OSError):
                # What it was called for is still to be done.
                self._called.set()
                self._keeper.commands.forget()
                time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret
                wait = min(5.0, wait * 2)

    def end(self) -> None:
        """Leave it behind: another works for another database."""
        self.ended = True
        self._called.set()

    def call(self) -> None:
        """There is work."""
        self._called.set()

    def _serve(self) -> None:
        role = f"house:{self._keeper.duty.supervisor[:12]}"
        with connect.open_own(self._dsn, role=role) as conn:
            while not self.ended and self._called.wait(KEPT):
                self._called.clear()
                while not self.ended and (rest := self._keeper.work(conn)) < LONG:
                    self._called.wait(max(0.01, rest))
                    self._called.clear()
