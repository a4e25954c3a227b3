"""Failed jobs: to look at, one by one or in groups, to discard with an undo, and to delete.

What changes many rows does so in short batches, each a transaction of its own with what the command's row says so far:
a command that is killed has told how far it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from qsup import sql
from qsup.literals import numbers
from qsup.operating import Command
from qsup.store import BATCH

MOST_GROUPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which failed jobs are meant; None does not restrict."""

    queue: str | None = None
    job: str | None = None
    fingerprint: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    discarded: bool | None = False
    """None: those too."""

    def __str__(self) -> str:
        """In words: `failed jobs of queue payments`."""
        words = ["failed jobs"]
        words += [f"of queue {self.queue}"] if self.queue else []
        words += [f"of class {self.job}"] if self.job else []
        words += [f"with fingerprint {self.fingerprint}"] if self.fingerprint else []
        words += [f"that failed before {self.until:%Y-%m-%d %H:%M:%S %Z}"] if self.until else []
        return " ".join(words)

    @property
    def words(self) -> dict[str, Any]:
        """What restricts, as JSON-ready values."""
        named = {"queue": self.queue, "class": self.job, "fingerprint": self.fingerprint, "until": self.until}
        return {name: str(value) for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Failed:
    """One failed job, without its payload and traceback."""

    id: int
    queue: str
    job: str
    cause: str
    exception: str
    message: str
    frame: str
    symptom: str
    fingerprint: str
    attempts: int
    crashes: int
    created_at: datetime
    failed_at: datetime
    discarded_at: datetime | None
    discarded_by: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """All failed jobs of one fingerprint; queue, message and what follows are those of its newest, the `example`."""

    fingerprint: str
    jobs: int
    first_at: datetime
    last_at: datetime
    example: int
    queue: str
    job: str
    exception: str
    message: str
    frame: str
    symptom: str


def newest(conn: Connection[Any], wanted: Filter, limit: int) -> list[Failed]:
    """The newest first."""
    with conn.cursor(row_factory=class_row(Failed)) as cursor:
        return cursor.execute(sql.text("failed_list"), asdict(wanted) | {"limit": limit}).fetchall()


def groups(conn: Connection[Any], wanted: Filter, limit: int = MOST_GROUPS, *, by_queue: bool = False) -> list[Group]:
    """By fingerprint, the largest group first; `by_queue` splits a group that is on several queues."""
    values = asdict(wanted) | {"limit": limit, "by_queue": by_queue, "ids": None}
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(sql.text("failed_groups"), values).fetchall()


def groups_of(conn: Connection[Any], ids: Sequence[int]) -> list[Group]:
    """The groups by queue of those of these ids that are failed jobs."""
    values = asdict(Filter()) | {"limit": MOST_GROUPS, "by_queue": True, "ids": numbers(ids)}
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(sql.text("failed_groups"), values).fetchall()


def batches(conn: Connection[Any], wanted: Filter, size: int = BATCH) -> Iterator[list[int]]:
    """The ids that match, in ascending batches: what fails again meanwhile does not come a second time."""
    after = 0
    while True:
        values = asdict(wanted) | {"after": after, "limit": size}
        found = [row[0] for row in conn.execute(sql.text("failed_ids"), values).fetchall()]
        if not found:
            return
        yield found
        after = found[-1]


def discard(conn: Connection[Any], command: Command, ids: Sequence[int]) -> set[int]:
    """Mark these as discarded by the command; returns those that were."""
    values = {"ids": numbers(ids), "command": command.id, "note": command.note}
    return {row[0] for row in conn.execute(sql.text("discard_failed"), values).fetchall()}


def flush(conn: Connection[Any], command: Command, wanted: Filter) -> int:
    """Discard everything that matches; returns how many were."""
    total = 0
    for ids in batches(conn, wanted):
        with conn.transaction():
            total += len(discard(conn, command, ids))
            command.result(f"discarded {total}")
    return total


def bring_back(conn: Connection[Any], command: Command, discarded_by: int) -> list[int]:
    """Undo what the command `discarded_by` has discarded, as far as it is still there; returns the ids."""
    back: list[int] = []
    while True:
        with conn.transaction():
            values = {"command": discarded_by, "note": command.note, "limit": BATCH}
            found = [row[0] for row in conn.execute(sql.text("bring_back"), values).fetchall()]
            back += found
            command.result(f"brought back {len(back)}")
        if not found:
            return sorted(back)


def last_discard(conn: Connection[Any]) -> int | None:
    """The newest command whose jobs can be brought back."""
    row = conn.execute(sql.text("last_discard")).fetchone()
    return None if row is None else int(row[0])


def delete(conn: Connection[Any], command: Command, until: datetime) -> int:
    """Delete for good what failed before `until`, discarded or not; returns how many."""
    total = 0
    while True:
        with conn.transaction():
            deleted = conn.execute(sql.text("delete_failed"), {"until": until}).rowcount
            total += deleted
            command.result(f"deleted {total}")
        if not deleted:
            return total
