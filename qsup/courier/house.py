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

from qsup import connect, declare, migrate, store
from qsup.errors import QsupError
from qsup.routing import Routing
from qsup.version import __version__

BEAT_EVERY = 5.0
RESCUE_EVERY = 15.0
STALE_AFTER = 15.0
"""Seconds of silence after which a supervisor counts as gone, if two looks RESCUE_EVERY apart find it so."""
SCHEMA_EVERY = 5.0
PRUNE_EVERY = 600.0


@dataclass(slots=True)
class Duty:
    """What the house must know; replaced as a whole at every configuration."""

    supervisor: str
    routing: Routing
    generation: int
    config_file: str
    listens: Callable[[], list[str]]
    alive: Callable[[], bool]
    """Whether the supervisor's loop turns: a heartbeat for a hanging one would keep its jobs from being rescued."""


@dataclass(slots=True)
class Housekeeper:
    """What is due when. `turn` may raise psycopg errors; then it is simply called again on a new connection."""

    duty: Duty
    wake: Callable[[str], None]
    outdated: Callable[[], None] = lambda: None
    """Called when this code may not work on the schema (any more)."""
    connected_at: float = field(default_factory=time.monotonic)
    _done: dict[str, float] = field(default_factory=dict)
    _suspects: set[str] = field(default_factory=set)
    _told: list[str] | None = None

    def turn(self, conn: psycopg.Connection[Any]) -> float:
        """Do what is due; returns the seconds until something may be due again."""
        self.beat_if_due(conn)
        if self._is_due("schema", SCHEMA_EVERY) and migrate.refusal(conn):
            self.outdated()
            return SCHEMA_EVERY
        if self._is_due("rescue", RESCUE_EVERY):
            self._rescue(conn)
        if self._is_due("prune", PRUNE_EVERY):
            self._prune(conn)
        return self._promote(conn)

    def beat_if_due(self, conn: psycopg.Connection[Any]) -> None:
        """Say that we are alive; at once when other queues than last time are heard: dispatch warns by it."""
        listens = self.duty.listens()
        if (listens != self._told or self._is_due("beat", BEAT_EVERY)) and self.duty.alive():
            self._beat(conn, listens)
            self._told = listens

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
            declares=declare.declares(duty.routing),
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
        # Never just after a (re)connection: while the database was away nobody could beat.
        if time.monotonic() - self.connected_at < 2 * RESCUE_EVERY:
            return
        seen = store.supervisors(conn)
        stale = {one.id for one in seen if one.silent_s > STALE_AFTER and one.id != self.duty.supervisor}
        gone, self._suspects = stale & self._suspects, stale
        alive = [one.id for one in seen if one.id not in gone] + [self.duty.supervisor]
        for _, queue in store.rescue(conn, alive):
            self.wake(queue)
        for one in gone:
            store.forget_supervisor(conn, one)

    def _prune(self, conn: psycopg.Connection[Any]) -> None:
        if store.prune(conn):
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

    def look_soon(self) -> None:
        """Something was scheduled or configured: do not sleep through it."""
        self._soon.set()

    def _serve(self) -> None:
        role = f"house:{self._keeper.duty.supervisor[:12]}"
        with connect.open_own(self._dsn, role=role) as conn:
            self._keeper.connected_at = time.monotonic()
            while not self.ended:
                rest = self._keeper.turn(conn)
                self._soon.wait(max(0.01, rest))
                self._soon.clear()
