"""The courier's statements on a real connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg

from qsup import declare, store
from qsup.courier.ports import Fail, Unstorable
from qsup.outcome import Again
from qsup.prepared import Wait, readable
from qsup.routing import Routing
from qsup.rows import Claimed, Key, Step, Want

T = TypeVar("T")


class Statements:
    """qsup.store on one connection. Every method may raise psycopg.Error; then the connection is given up."""

    def __init__(self, conn: psycopg.Connection[Any], wait: Wait = readable) -> None:
        self.conn, self.wait = conn, wait

    def apply(self, routing: Routing, supervisor: str) -> None:
        """Declare the types of this file."""
        declare.apply(self.conn, routing, supervisor)

    def claim_and_record(
        self, supervisor: str, done: Sequence[Key], wants: Sequence[Want], timeouts: Mapping[str, float]
    ) -> tuple[set[int], list[Claimed]]:
        """End `done`, claim for `wants`."""
        return store.claim_and_record(self.conn, supervisor, done, wants, timeouts, self.wait)

    def end_done(self, done: Sequence[Key]) -> set[int]:
        """End `done`."""
        return store.end_done(self.conn, done, self.wait)

    def archive(self, done: Sequence[Key]) -> None:
        """End finished jobs of queues with a history."""
        self._storing(lambda: store.archive(self.conn, done))

    def reschedule(self, agains: Sequence[tuple[Key, Again]]) -> list[tuple[int, str, float]]:
        """Run these again."""
        return self._storing(lambda: store.reschedule(self.conn, agains))

    def fail(self, fails: Sequence[Fail]) -> None:
        """Fail these for good."""
        self._storing(lambda: store.fail(self.conn, fails))

    def release(self, releases: Sequence[tuple[Key, str]]) -> list[tuple[int, str]]:
        """Give these back uncharged."""
        return self._storing(lambda: store.release(self.conn, releases))

    def release_unnamed(
        self, supervisor: str, named: Sequence[Key], *, skip: Sequence[str] = (), only: str | None = None
    ) -> bool:
        """Give back what nobody has."""
        found = store.release_unnamed(self.conn, supervisor, named, skip=skip, only=only)
        return all(released for *_, released in found)

    def lookup(self, keys: Sequence[Key]) -> dict[Key, Claimed]:
        """Of these claims the ones that are still running."""
        return store.lookup(self.conn, keys)

    def progress(self, steps: Sequence[Step]) -> None:
        """Store how far running jobs are."""
        store.progress(self.conn, steps)

    def wait_for(self, supervisor: str, queues: Sequence[str]) -> None:
        """Ask dispatchers to notify us."""
        store.wait_for(self.conn, supervisor, queues)

    def stop_waiting(self, supervisor: str, queues: Sequence[str]) -> None:
        """Ask them no longer."""
        store.stop_waiting(self.conn, supervisor, queues)

    def _storing(self, statement: Callable[[], T]) -> T:
        try:
            return statement()
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise Unstorable(f"{type(error).__name__} ({error.sqlstate})") from error
