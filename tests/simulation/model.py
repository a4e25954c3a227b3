"""What PostgreSQL would have done: the visible commits of qsup's statements, and the answers that get lost.

It models when a row is seen, locked, moved and fenced, not SQL: that the statements of qsup/sql do this is shown on a
real server (tests/schema).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from qsup.courier.ports import Fail
from qsup.outcome import Again
from qsup.routing import Routing
from qsup.rows import Claimed, Key, Step, Want


class Lost(Exception):
    """The connection broke, before or after the statement was carried out."""


@dataclass(slots=True)
class Row:
    """A row of qsup.jobs."""

    id: int
    queue: str
    seq: int
    visible: bool = True
    state: str = "ready"
    claim: int = 0
    attempts: int = 0
    crashes: int = 0
    due: float = 0.0
    owner: str = ""
    slot: str = ""
    lease: float = 0.0
    locked: object = None
    """The open transaction that has deleted it."""


@dataclass(slots=True)
class Tables:
    """The database."""

    now: Callable[[], float]
    rows: dict[int, Row] = field(default_factory=dict)
    ended: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Job → how its row left, and with which claim."""
    waiting: set[tuple[str, str]] = field(default_factory=set)
    beats: dict[str, float] = field(default_factory=dict)
    seq: int = 0
    late: int = 0

    def put(self, number: int, queue: str, *, visible: bool) -> Row:
        """Insert a job; an invisible one is committed later."""
        self.seq += 1
        self.rows[number] = Row(number, queue, self.seq, visible)
        return self.rows[number]

    def held(self, key: Key) -> Row | None:
        """The row that this claim may end, reschedule or release; None when it is somebody else's or locked."""
        row = self.rows.get(key[0])
        if row is None or row.claim != key[1] or row.locked is not None:
            return None
        return row

    def running(self, key: Key) -> Row | None:
        """The same for statements that ask for the state too."""
        row = self.held(key)
        return row if row is not None and row.state == "running" else None

    def end(self, row: Row, how: str) -> None:
        """The row is gone."""
        del self.rows[row.id]
        self.ended[row.id] = (how, row.claim)

    def ready(self, row: Row, *, give_back: int) -> None:
        """At the end of its queue again."""
        self.seq += 1
        row.state, row.seq, row.owner, row.slot = "ready", self.seq, "", ""
        row.attempts = max(0, row.attempts - give_back)

    def promote(self) -> set[str]:
        """Make scheduled rows whose time has come ready; their queues."""
        due = [row for row in self.rows.values() if row.state == "scheduled" and row.due <= self.now()]
        for row in due:
            self.ready(row, give_back=0)
        return {row.queue for row in due}

    def overdue(self, supervisor: str) -> list[Key]:
        """overdue.sql."""
        rows = [row for row in self.rows.values() if row.state == "running" and row.lease < self.now()]
        return [(row.id, row.claim) for row in rows if row.owner == supervisor]

    def rescue(self, alive: Sequence[str]) -> set[str]:
        """What a supervisor that is gone had claimed, once the lease is over; the queues."""
        now = self.now()
        over = [row for row in self.rows.values() if row.state == "running" and row.lease < now]
        lost = [row for row in over if row.owner not in alive and row.locked is None]
        for row in lost:
            row.crashes += 1
            self.ready(row, give_back=1)
        return {row.queue for row in lost}


class Connection:
    """The courier's statements on the tables; `fate` may lose any of them, before or after."""

    def __init__(self, tables: Tables, fate: Callable[[], Callable[[], None]], meanwhile: Callable[[], None]) -> None:
        self.tables = tables
        self.meanwhile = meanwhile
        """Called while a claim, or an end, is on its way."""
        self.fate = fate
        """Called before each statement, and what it returns after it."""

    def apply(self, routing: Routing, supervisor: str) -> None:
        """Nothing here looks at declared types."""

    def claim_and_record(
        self, supervisor: str, done: Sequence[Key], wants: Sequence[Want], timeouts: Mapping[str, float]
    ) -> tuple[set[int], list[Claimed]]:
        """claim_and_record.sql."""
        after = self.fate()
        ended = [row for key in done if (row := self.tables.held(key)) is not None]
        for row in ended:
            self.tables.end(row, "done")
        claimed = [found for want in wants for found in self._claim(supervisor, want, timeouts)]
        self.meanwhile()
        after()
        return {row.id for row in ended}, claimed

    def end_done(self, done: Sequence[Key]) -> set[int]:
        """end_done.sql."""
        return self.claim_and_record("", done, [], {})[0]

    def _claim(self, supervisor: str, want: Want, timeouts: Mapping[str, float]) -> list[Claimed]:
        rows = [
            row
            for row in self.tables.rows.values()
            if row.queue == want.queue and row.state == "ready" and row.seq > want.after
            if row.visible and row.locked is None
        ]
        rows.sort(key=lambda row: row.seq)
        lease = self.tables.now() + timeouts.get("Note", want.timeout) + want.slack
        found = []
        for row, slot in zip(rows, want.slots, strict=False):
            row.state, row.owner, row.slot, row.lease = "running", supervisor, slot, lease
            row.claim += 1
            row.attempts += 1
            found.append(shown(row))
        return found

    def archive(self, done: Sequence[Key]) -> None:
        """archive.sql."""
        after = self.fate()
        for key in done:
            if (row := self.tables.held(key)) is not None:
                self.tables.end(row, "done")
        after()

    def reschedule(self, agains: Sequence[tuple[Key, Again]]) -> list[tuple[int, str, float]]:
        """reschedule.sql."""
        after = self.fate()
        found = []
        for key, again in agains:
            row = self.tables.running(key)
            if row is None:
                continue
            row.crashes += again.event == "crash"
            self.tables.ready(row, give_back=again.event in ("crash", "unrouted"))
            if again.delay > 0:
                row.state, row.due = "scheduled", self.tables.now() + again.delay
            found.append((row.id, row.queue, again.delay))
        after()
        return found

    def fail(self, fails: Sequence[Fail]) -> None:
        """fail.sql, without hooks."""
        after = self.fate()
        for key, failed, *_ in fails:
            if (row := self.tables.running(key)) is not None:
                self.tables.end(row, failed.cause)
        after()

    def release(self, releases: Sequence[tuple[Key, str]]) -> list[tuple[int, str]]:
        """release.sql."""
        after = self.fate()
        found = [row for key, _ in releases if (row := self.tables.running(key)) is not None]
        for row in found:
            self.tables.ready(row, give_back=1)
        after()
        return [(row.id, row.queue) for row in found]

    def release_unnamed(
        self, supervisor: str, named: Sequence[Key], *, skip: Sequence[str] = (), only: str | None = None
    ) -> bool:
        """release_unnamed.sql."""
        after = self.fate()
        unnamed = [
            row
            for row in self.tables.rows.values()
            if row.state == "running" and row.owner == supervisor and row.slot not in skip
            if row.slot == (only or row.slot) and (row.id, row.claim) not in named
        ]
        for row in unnamed:
            if row.locked is None:
                self.tables.ready(row, give_back=1)
        after()
        return all(row.locked is None for row in unnamed)

    def lookup(self, keys: Sequence[Key]) -> dict[Key, Claimed]:
        """lookup.sql: a plain SELECT, which sees what an open transaction has deleted."""
        after = self.fate()
        rows = [self.tables.rows.get(key[0]) for key in keys]
        found = {
            key: shown(row)
            for key, row in zip(keys, rows, strict=True)
            if row is not None and row.claim == key[1] and row.state == "running"
        }
        after()
        return found

    def progress(self, steps: Sequence[Step]) -> None:
        """Only words."""

    def wait_for(self, supervisor: str, queues: Sequence[str]) -> None:
        """wait_for.sql."""
        after = self.fate()
        self.tables.waiting |= {(queue, supervisor) for queue in queues}
        after()

    def stop_waiting(self, supervisor: str, queues: Sequence[str]) -> None:
        """stop_waiting.sql."""
        after = self.fate()
        self.tables.waiting -= {(queue, supervisor) for queue in queues}
        after()


def shown(row: Row) -> Claimed:
    """What a statement returns of a row."""
    return Claimed(
        row.id, row.claim, row.queue, "Note", "{}", row.attempts, row.crashes, "run", None, row.seq, row.slot
    )  # fmt: skip
