"""The statements of qsup/sql as functions: plain values in, dataclasses out. Nothing here decides anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from psycopg import Connection

from qsup import sql
from qsup.literals import documents, numbers, seconds, texts
from qsup.outcome import Again, Failed, Report
from qsup.prepared import Prepared, Wait, readable
from qsup.rows import Claimed, Key, Step, Want

CLAIM = Prepared(sql.CLAIM)
END = Prepared("end_done")
DISPATCH = Prepared("dispatch")
BATCH = 1000
"""Rows that promoting or pruning changes at once."""


@dataclass(frozen=True, slots=True)
class Count:
    """A queue's rows by state; `oldest_s` is the age of its longest ready row in seconds, None without one."""

    queue: str
    pending: int
    reserved: int
    delayed: int
    failed: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to do."""

    ready: list[str]
    """Queues that have a ready row."""
    due_in: float | None
    """Seconds until the next scheduled job is due; None: there is none."""
    commands: bool
    """Whether an operator's command is open."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Somebody who says that he is alive."""

    id: str
    host: str
    pid: int
    code: str
    config_file: str
    generation: int
    listens: list[str]
    silent_s: float


def claim_and_record(
    conn: Connection[Any],
    supervisor: str,
    done: Sequence[Key],
    wants: Sequence[Want],
    timeouts: Mapping[str, float],
    wait: Wait = readable,
) -> tuple[set[int], list[Claimed]]:
    """End `done`, claim for `wants`; returns the ids that were ended and the claimed jobs in their order.

    `timeouts` holds the job classes whose time limit is not their queue's.
    """
    slots = [slot for want in wants for slot in want.slots]
    counts = [len(want.slots) for want in wants]
    firsts = [sum(counts[:index]) for index in range(len(counts))]
    values = {
        "done": numbers(key[0] for key in done), "done_claims": numbers(key[1] for key in done),
        "queues": texts(want.queue for want in wants), "counts": numbers(counts),
        "after": numbers(want.after for want in wants), "firsts": numbers(firsts),
        "timeouts": seconds(want.timeout for want in wants), "slacks": seconds(want.slack for want in wants),
        "supervisor": supervisor, "slots": texts(slots), "job_timeouts": json.dumps(timeouts) if timeouts else "{}",
    }  # fmt: skip
    rows = CLAIM.rows(conn, values, wait)
    ended = {int(row[0]) for row in rows if row[0] is not None}
    return ended, sorted((_claimed(row) for row in rows if row[0] is None), key=attrgetter("seq"))


def end_done(conn: Connection[Any], done: Sequence[Key], wait: Wait = readable) -> set[int]:
    """End `done`; returns the ids that were ended."""
    values = {"done": numbers(key[0] for key in done), "done_claims": numbers(key[1] for key in done)}
    return {int(row[0]) for row in END.rows(conn, values, wait)}


def _claimed(row: Sequence[Any]) -> Claimed:
    _, number, claim, queue, kind, payload, attempts, crashes, step, error, seq, slot = row
    return Claimed(
        int(number), int(claim), queue, kind, payload, int(attempts), int(crashes), step, error, int(seq), slot
    )  # fmt: skip


def archive(conn: Connection[Any], done: Sequence[Key]) -> set[int]:
    """End finished jobs of a queue with a history; returns the ids that were ended."""
    rows = conn.execute(sql.text("archive"), _keys(done)).fetchall()
    return {row[0] for row in rows}


def reschedule(conn: Connection[Any], agains: Sequence[tuple[Key, Again]]) -> list[tuple[int, str, float]]:
    """Run these again; returns (id, queue, delay in seconds) of those that were still ours."""
    crashed = [again.event == "crash" for _, again in agains]
    free = [again.event in ("crash", "unrouted") for _, again in agains]
    values = _keys([key for key, _ in agains]) | {
        "delays": [again.delay for _, again in agains], "give_back": numbers(map(int, free)),
        "crashes": numbers(map(int, crashed)), "kinds": [again.event for _, again in agains],
        "details": [again.reason for _, again in agains],
    }  # fmt: skip
    return list(conn.execute(sql.text("reschedule"), values).fetchall())


def fail(conn: Connection[Any], fails: Sequence[tuple[Key, Failed, Report, bool]]) -> set[int]:
    """Fail these for good; the last value: run a failed hook? Returns the ids that were still ours."""
    values = _keys([key for key, *_ in fails]) | {
        "hooks": [hook for *_, hook in fails], "causes": [failed.cause for _, failed, *_ in fails],
        "crashes": numbers(int(report.kind == "crash") for _, _, report, _ in fails),
        "exceptions": [report.exception for _, _, report, _ in fails],
        "messages": [failed.reason for _, failed, *_ in fails],
        "tracebacks": [report.traceback for _, _, report, _ in fails],
        "frames": [report.frame for _, _, report, _ in fails],
        "symptoms": [report.symptom for _, _, report, _ in fails],
    }  # fmt: skip
    return {row[0] for row in conn.execute(sql.text("fail"), values).fetchall()}


def release(conn: Connection[Any], releases: Sequence[tuple[Key, str]]) -> list[tuple[int, str]]:
    """Give these back uncharged, each with a reason; returns (id, queue) of those that were still ours."""
    values = _keys([key for key, _ in releases]) | {"details": [detail for _, detail in releases]}
    return list(conn.execute(sql.text("release"), values).fetchall())


def release_unnamed(
    conn: Connection[Any], supervisor: str, named: Sequence[Key], *, skip: Sequence[str] = (), only: str | None = None
) -> list[tuple[int, str, bool]]:
    """Give back what `supervisor` has claimed except `named`, not of the slots in `skip`.

    Returns (id, queue, released) of every such row; one that another transaction holds is not released yet.
    """
    values = _keys(named) | {"supervisor": supervisor, "skip": list(skip), "only": only}
    return list(conn.execute(sql.text("release_unnamed"), values).fetchall())


def rescue(conn: Connection[Any], alive: Sequence[str]) -> list[tuple[int, str]]:
    """Free jobs whose lease is over and whose supervisor is not among `alive`; returns (id, queue)."""
    return list(conn.execute(sql.text("rescue"), {"alive": list(alive)}).fetchall())


def overdue(conn: Connection[Any], supervisor: str) -> list[Key]:
    """The claims of this supervisor whose lease is over."""
    return [(row[0], row[1]) for row in conn.execute(sql.text("overdue"), {"supervisor": supervisor}).fetchall()]


def lookup(conn: Connection[Any], keys: Sequence[Key]) -> dict[Key, Claimed]:
    """The running jobs with these claims, those that still exist."""
    rows = conn.execute(sql.text("lookup"), _keys(keys)).fetchall()
    return {claimed.key: claimed for claimed in (Claimed(*row) for row in rows)}


def promote(conn: Connection[Any], queue: str) -> int:
    """Make due jobs of a queue ready; returns how many (1,000 means: ask again)."""
    return conn.execute(sql.text("promote"), {"queue": queue}).rowcount


def look(conn: Connection[Any], queues: Sequence[str]) -> Look:
    """What there is to do on these queues now, or soon."""
    row = conn.execute(sql.text("look"), {"queues": texts(queues)}, prepare=True).fetchone()
    assert row is not None  # noqa: S101  a SELECT without FROM
    return Look(*row)


def next_due(conn: Connection[Any], queues: Sequence[str]) -> dict[str, float]:
    """Seconds until the next scheduled job of each queue; negative when it is due."""
    return dict(conn.execute(sql.text("next_due"), {"queues": list(queues)}).fetchall())


def wait_for(conn: Connection[Any], supervisor: str, queues: Sequence[str]) -> None:
    """Ask dispatchers to notify us about these queues."""
    conn.execute(sql.text("wait_for"), {"supervisor": supervisor, "queues": list(queues)})


def stop_waiting(conn: Connection[Any], supervisor: str, queues: Sequence[str]) -> None:
    """Ask them no longer."""
    conn.execute(sql.text("stop_waiting"), {"supervisor": supervisor, "queues": list(queues)})


def progress(conn: Connection[Any], steps: Sequence[Step]) -> None:
    """Store how far running jobs are, and tell whoever listens to the channel qsup_progress."""
    values = _keys([step.key for step in steps]) | {
        "notes": [step.note for step in steps],
        "percents": [step.percent for step in steps],
        "types": [step.type for step in steps],
        "queues": [step.queue for step in steps],
    }
    conn.execute(sql.text("progress"), values)


def beat(conn: Connection[Any], supervisor: str, **facts: Any) -> None:
    """Say that `supervisor` is alive: host, pid, code, config_file, generation, listens, declares."""
    conn.execute(sql.text("beat"), {"supervisor": supervisor, **facts, "declares": json.dumps(facts["declares"])})


def sign_off(conn: Connection[Any], supervisor: str) -> None:
    """It has stopped in order."""
    conn.execute(sql.text("sign_off"), {"supervisor": supervisor})


def forget_supervisor(conn: Connection[Any], supervisor: str) -> None:
    """Remove a silent supervisor that has no running job left."""
    conn.execute(sql.text("forget_supervisor"), {"supervisor": supervisor})


def supervisors(conn: Connection[Any]) -> list[Supervisor]:
    """Everybody who has signed on and not off."""
    return [Supervisor(*row) for row in conn.execute(sql.text("supervisors")).fetchall()]


def counts(conn: Connection[Any]) -> dict[str, Count]:
    """All queues that have rows."""
    return {row[0]: Count(*row) for row in conn.execute(sql.text("counts")).fetchall()}


def prune(conn: Connection[Any]) -> bool:
    """Roll the history's partitions, delete a batch of what nobody keeps; true when there may be more."""
    conn.execute(sql.text("roll_history"))
    names = ("prune_history", "prune_events", "prune_discarded")
    deleted = [conn.execute(sql.text(name)).rowcount for name in names]
    return max(deleted) >= BATCH


def schema_version(conn: Connection[Any]) -> tuple[int, int] | None:
    """(newest migration, oldest code allowed on it), None for a database without the schema."""
    if not _one(conn.execute(sql.text("has_schema")).fetchone()):
        return None
    version, oldest = conn.execute(sql.text("schema_version")).fetchone() or (0, 0)
    return int(version), int(oldest)


def end_other_backends(conn: Connection[Any], name: str) -> int:
    """Terminate other connections of this application name; returns how many there still were."""
    return len(conn.execute(sql.text("end_other_backends"), {"name": name}).fetchall())


def dispatch_values(
    job: str, payload: str, queue: str | None, delay: float | None, at: datetime | None, unique: str | None
) -> dict[str, Any]:
    """The parameters of dispatch.sql; `payload` is JSON, `delay` seconds."""
    return {"job": job, "payload": payload, "queue": queue, "delay": delay, "at": at, "unique": unique}


def dispatch_many_values(
    jobs: Iterable[str], payloads: Iterable[str], queue: str | None, delay: float | None, at: datetime | None
) -> dict[str, Any]:
    """The parameters of dispatch_many.sql; `payloads` are JSON, `delay` seconds."""
    return {"jobs": texts(jobs), "payloads": documents(payloads), "queue": queue, "delay": delay, "at": at}


def dispatch(conn: Connection[Any], values: Mapping[str, Any]) -> Sequence[Any]:
    """Put a job on its queue, on a connection in autocommit mode; the row of dispatch.sql as texts.

    Raises psycopg.Error, UnicodeEncodeError.
    """
    return DISPATCH.rows(conn, {name: None if value is None else str(value) for name, value in values.items()})[0]


def dispatch_many(conn: Connection[Any], values: Mapping[str, Any]) -> Any:
    """Put jobs on their queues, all or none; the row of dispatch_many.sql."""
    return conn.execute(sql.text("dispatch_many"), values).fetchone()


def _keys(keys: Sequence[Key]) -> dict[str, Any]:
    return {"ids": numbers(key[0] for key in keys), "claims": numbers(key[1] for key in keys)}


def _one(row: Any) -> Any:
    return None if row is None else row[0]
