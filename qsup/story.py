"""The whole story of one job: where it is, why it waits, what happened to it and what operators did to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from qsup import sql
from qsup.check.problem import printable
from qsup.units import written

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """What the tables say of one job; a job that has failed may also be live: as its failed hook."""

    id: int
    live: Row | None
    failed: Row | None
    done: Row | None
    events: list[Row]
    commands: list[Row]

    @property
    def known(self) -> bool:
        """Whether anything was ever heard of it."""
        return bool(self.live or self.failed or self.done or self.events)

    @property
    def state(self) -> str:
        """ready, scheduled, running, failed, discarded, done; gone when only its events are left."""
        if self.failed is not None:
            return "discarded" if self.failed["discarded_at"] else "failed"
        if self.live is not None:
            return str(self.live["state"])
        return "done" if self.done is not None else "gone"

    @property
    def row(self) -> Row:
        """The row that tells class, queue, payload and counts."""
        return self.failed or self.live or self.done or {}


def story(conn: Connection[Any], number: int) -> Story:
    """Everything that is stored about a job, of one moment."""

    def rows(statement: str) -> list[Row]:
        return list(cursor.execute(sql.text(statement), {"id": number}).fetchall())

    def last(statement: str) -> Row | None:
        return next(reversed(rows(statement)), None)

    with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
        # One snapshot: a job that is on its way from one table to another must not be missed in both.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        live, failed, done = last("story_live"), last("story_failed"), last("story_done")
        return Story(number, live, failed, done, rows("story_events"), rows("story_commands"))


def where(told: Story) -> str:
    """Where it is now, and why it waits, in a sentence."""
    live, failed = told.live, told.failed
    if failed is not None:
        hook = f"; its failed hook: {whereabouts(live)}" if live is not None else ""
        if failed["discarded_at"]:
            return (
                f"discarded by command {failed['discarded_by']}, deleted for good after {moment(failed['deleted_at'])}"
                f"{hook}"
            )
        return f"failed for good ({failed['cause']}) at {moment(failed['failed_at'])}{hook}"
    if live is not None:
        return whereabouts(live)
    if told.done is not None:
        return f"done at {moment(told.done['finished_at'])}"
    return "not stored any more: done, cancelled or deleted; only its events are left"


def whereabouts(live: Row) -> str:
    """The sentence for a row of qsup.jobs."""
    match live["state"]:
        case "running":
            place = f"{live['slot']} on {live['host'] or 'a host that has signed off'}"
            over = ", which is over: it is rescued when its supervisor stays silent" if live["lease_over"] else ""
            times = f"since {moment(live['reserved_at'])}, lease until {moment(live['lease_until'])}"
            return f"running in {place} {times}{over}"
        case "scheduled":
            left = f"in {written(max(1, round(live['due_in'])))}" if live["due_in"] > 0 else "due now"
            return f"scheduled for {moment(live['available_at'])} ({left}){unheard(live)}"
        case _:
            before = int(live["before"] or 0)
            ahead = (
                f"{before:,}{' or more' if before >= 1000 else ''} jobs are before it"
                if before
                else "it is the next one"
            )
            return f"ready since {moment(live['available_at'])}: {ahead}{unheard(live)}"


def unheard(live: Row) -> str:
    """Why nobody would take it."""
    queue = live["queue"]
    if live["paused_by"]:
        return f"; the queue {queue} is paused by {live['paused_by']}"
    if live["heard"]:
        return ""
    if live["retired"]:
        return f"; nobody serves it: no applied queues.yaml declares the queue {queue} any more"
    if live["workers"] == 0:
        return f"; nobody serves it: the queue {queue} has no workers"
    return f"; nobody listens to {queue} at the moment"


def lines(told: Story, *, payload: bool) -> Iterator[str]:
    """The story for people."""
    row = told.row
    yield f"job {told.id}: {told.state}"
    yield f"  {where(told)}"
    if row:
        yield f"  class {row['job']}, queue {row['queue']}, created {moment(row['created_at'])}"
        yield f"  {row['attempts']} tries, {row['crashes']} crashes" + _fence(row)
    if told.failed is not None:
        yield from _failure(told.failed)
    if payload and row:
        yield f"  payload {row['payload']}"
    yield from _section("what happened", [event_line(one) for one in told.events])
    yield from _section("what operators did", [_command(one) for one in told.commands])


def _fence(row: Row) -> str:
    key = f", unique key {printable(row['unique_key'])}" if row.get("unique_key") else ""
    return (f", claim number {row['claim']}" if "claim" in row else "") + key


def _failure(failed: Row) -> Iterator[str]:
    what = ": ".join(part for part in (failed["exception"], printable(failed["message"])) if part)
    yield f"  {what}"
    at = f"in {printable(failed['frame'])}, " if failed["frame"] else ""
    yield f"  {at}fingerprint {failed['fingerprint']}"
    for line in failed["traceback"].splitlines():
        yield f"    {printable(line)}"


def _section(title: str, found: list[str]) -> Iterator[str]:
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)


def event_line(event: Row) -> str:
    """One event for people."""
    claim = f" (claim {event['claim']})" if event["claim"] is not None else ""
    detail = f": {printable(event['detail'])}" if event["detail"] else ""
    return f"{moment(event['at'])} {event['kind']}{claim}{detail}{_number(event)}"


def _number(event: Row) -> str:
    if event["value"] is None:
        return ""
    return f" ({event['value']:g} %)" if event["kind"] == "progress" else f"; again in {written(event['value'])}"


def _command(command: Row) -> str:
    result = command["result"] if command["done_at"] else "not carried out yet"
    return f"{moment(command['at'])} {command['who']}: {command['verb']} {printable(command['subject'])}: {result}"


def moment(when: datetime) -> str:
    """Local time, to the second."""
    return f"{when.astimezone():%Y-%m-%d %H:%M:%S}"


def as_json(told: Story, *, payload: bool) -> dict[str, Any]:
    """The story for programs; the payload only when it is asked for."""
    rows = {"live": told.live, "failed": told.failed, "done": told.done}
    return {
        "id": told.id,
        "state": told.state,
        "where": where(told),
        **{name: None if row is None else plain(row, payload=payload) for name, row in rows.items()},
        "events": [plain(one) for one in told.events],
        "commands": [plain(one) for one in told.commands],
    }


def plain(row: Row, *, payload: bool = False) -> dict[str, Any]:
    """A row as JSON has it."""
    return {name: _value(one) for name, one in row.items() if payload or name != "payload"}


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        # JSON knows no such numbers.
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
