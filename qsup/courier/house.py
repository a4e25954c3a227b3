"""Keeping house, on a connection of its own: promotion, heartbeat, rescue, pruning. Short batches, never in the way of
the claims.

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
from qsup.orders import Obeyed
from qsup.rows import Key
from qsup.version import __version__

BEAT_EVERY = 5.0
SCHEMA_EVERY = 5.0
PRUNE_EVERY = 600.0


@dataclass(slots=True)
class Housekeeper:
    """What is due when. `turn` may raise psycopg errors; then it is simply called again on a new connection."""

    duty: Duty
    wake: Callable[[str], None]
    outdated: Callable[[], None] = lambda: None
    """Called when this code may not work on the schema (any more)."""
    overdue: Callable[[list[Key]], None] = lambda _keys: None
    """Called with claims of ours whose lease is over."""
    connected_at: float = field(default_factory=time.monotonic)
    _done: dict[str, float] = field(default_factory=dict)
    _watch: Watch = field(default_factory=Watch)
    _told: list[str] | None = None
    commands: Commands = field(default_factory=Commands)

    def turn(self, conn: psycopg.Connection[Any]) -> float:
        """Do what is due; returns the seconds until something may be due again."""
        self.beat_if_due(conn)
        if self._is_due("schema", SCHEMA_EVERY) and migrate.refusal(conn):
            self.outdated()
            return SCHEMA_EVERY
        if self._is_due("rescue", LOOK_EVERY):
            self._rescue(conn)
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
        now = time.monotonic()
        if now - self._done.get(what, -every) < every:
            return False
        self._done[what] = now
        return True

    def _beat(self, conn: psycopg.Connection[Any], listens: list[str]) -> None:
        duty = self.duty
        store.beat(
            conn, duty.supervisor, host=socket.gethostname(), pid=os.getpid(), code=__version__,
            config_file=duty.config_file, generation=duty.generation, listens=listens,
            declares=declare.declares(duty.routing, solo=duty.solo),
        )  # fmt: skip

    def _promote(self, conn: psycopg.Connection[Any]) -> float:
        soonest = 1.0
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
    """Turns a Housekeeper on its own connection, and opens that again when it is lost."""

    def __init__(self, dsn: str, keeper: Housekeeper) -> None:
        super().__init__(name="house", daemon=True)
        self._dsn = dsn
        self._keeper = keeper
        self._soon = threading.Event()
        self.ended = False

    def run(self) -> None:
        """Keep house until `ended`."""
        wait = 0.2
        while not self.ended:
            try:
                self._serve()
                wait = 0.2
            except (QsupError, psycopg.Error, OSError):
                time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret
                wait = min(5.0, wait * 2)

    def configure(self, duty: Duty) -> None:
        """Keep house by another file from now on."""
        self._keeper.duty = duty
        self._keeper.forget("beat")
        self.look_soon()

    def heard(self, obeyed: Obeyed) -> None:
        """What the supervisor says to an order."""
        self._keeper.commands.heard(obeyed)
        self.look_soon()

    def look_soon(self) -> None:
        """Something was scheduled, configured or commanded: do not sleep through it."""
        self._soon.set()

    def _serve(self) -> None:
        role = f"house:{self._keeper.duty.supervisor[:12]}"
        with connect.open_own(self._dsn, role=role) as conn:
            self._keeper.connected_at = time.monotonic()
            self._keeper.commands.forget()
            while not self.ended:
                rest = self._keeper.turn(conn)
                self._soon.wait(max(0.01, rest))
                self._soon.clear()
