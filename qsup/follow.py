"""The story of one job as it happens: what has been, every event to come, every change of its state, its end.

Progress wakes us by the channel qsup_progress; everything else is looked for, so that a job that nobody follows costs
nothing more. A job that is done leaves no row: it has ended when its row is gone and no failure is left behind.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection

from qsup import connect
from qsup.complaints import primary
from qsup.errors import DatabaseUnavailable
from qsup.migrate import require
from qsup.story import Story, story

CHANNEL = "qsup_progress"
LOOK = 0.5
"""Seconds between looks."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between two attempts to reach a database that is away, doubled each time."""
GIVEN_UP = frozenset({"tries", "discarded", "quarantined", "unstorable", "cancelled", "hook failed", "forgotten"})
"""Kinds of events after which a job that is gone was not done."""


@dataclass(frozen=True, slots=True)
class News:
    """Something new: `event` (a row), `state` (the job's, and `where` in a sentence) or `end`."""

    kind: str
    told: Story
    event: dict[str, Any] = field(default_factory=dict)


def succeeded(told: Story) -> bool | None:
    """Whether it was done; None while it has not ended."""
    if told.live is not None:
        return None
    if told.failed is not None:
        return False
    kinds = [event["kind"] for event in told.events if event["kind"] != "progress"]
    return told.done is not None or not (kinds and kinds[-1] in GIVEN_UP)


class Follower:
    """What has been told of a job, and what is new."""

    def __init__(self) -> None:
        self._events: set[int] = set()
        self._state: tuple[Any, ...] = ()
        self._ended = False
        self.over = False
        """Whether its end has been told."""

    @property
    def has_told(self) -> bool:
        """Whether anything was ever heard of the job."""
        return bool(self._events or self._state)

    def news(self, told: Story) -> Iterator[News]:
        """What this look tells that the last one did not."""
        for event in told.events:
            if event["id"] not in self._events:
                self._events.add(event["id"])
                yield News("event", told, dict(event))
        if succeeded(told) is None:
            self._ended = False
            live = told.live or {}
            state = (told.state, live["state"], live["claim"], live["slot"])
            if state != self._state:
                self._state = state
                yield News("state", told)
        elif self._ended:
            self.over = True
            yield News("end", told)
        else:
            # A handler's own COMMIT removes the row before the courier stores the last progress: look once more.
            self._ended = True


def follow(dsn: str, number: int, complain: Callable[[str], None]) -> Iterator[News]:
    """All that happens to a job until its end. While PostgreSQL is away it says so to `complain` and tries again.

    Raises DatabaseUnavailable when it cannot be reached at the first time, SchemaMismatch; yields nothing for a job
    that is not stored.
    """
    follower, wait, reached = Follower(), FIRST_WAIT, False
    while not follower.over:
        try:
            with connect.open_own(dsn, role="follow") as conn:
                require(conn)
                conn.execute(f"LISTEN {CHANNEL}")
                if wait > FIRST_WAIT:
                    complain("PostgreSQL is back")
                reached, wait = True, FIRST_WAIT
                yield from _watch(conn, number, follower)
                return
        except (DatabaseUnavailable, psycopg.OperationalError) as error:
            if not reached:
                raise
            if wait == FIRST_WAIT:
                reason = error.message if isinstance(error, DatabaseUnavailable) else primary(error)
                complain(f"PostgreSQL is away, the job goes on without being followed; trying again: {reason}")
            time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  jitter, not a secret
            wait = min(LONGEST_WAIT, wait * 2)


def _watch(conn: Connection[Any], number: int, follower: Follower) -> Iterator[News]:
    told = story(conn, number)
    # A job that was there when the connection was lost may have ended meanwhile, without a trace.
    if not told.known and not follower.has_told:
        return
    while True:
        yield from follower.news(told)
        if follower.over:
            return
        _sleep(conn, number)
        told = story(conn, number)


def _sleep(conn: Connection[Any], number: int) -> None:
    until = time.monotonic() + LOOK
    while (rest := until - time.monotonic()) > 0:
        for note in conn.notifies(timeout=rest, stop_after=1):
            if _concerns(note.payload, number):
                return


def _concerns(payload: str, number: int) -> bool:
    try:
        return bool(json.loads(payload)["job"] == number)
    except (ValueError, LookupError, TypeError):
        # Anybody may notify on this channel.
        return False
