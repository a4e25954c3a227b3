"""The statements of operators' commands as functions: plain values in, dataclasses out. Nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from qsup import sql
from qsup.literals import numbers
from qsup.store import BATCH


@dataclass(frozen=True, slots=True)
class Command:
    """One that is open."""

    id: int
    who: str
    verb: str
    subject: str
    arguments: dict[str, Any]
    age: float
    state: str | None
    """What this supervisor answered so far; None: it is not asked."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A run that an open command is to end."""

    command: int
    job: int
    claim: int
    slot: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one supervisor says to a command."""

    supervisor: str
    host: str
    pid: int
    state: str
    detail: str
    silent_s: float | None
    """None: it has signed off, or is forgotten."""


@dataclass(frozen=True, slots=True)
class Concerned:
    """A live supervisor that a command about a queue goes to."""

    id: str
    host: str
    pid: int
    slots: dict[str, int]
    """Queue → workers of its own; empty for a solo worker."""


@dataclass(frozen=True, slots=True)
class QueueOrder:
    """A queue that is paused or scaled."""

    queue: str
    paused_at: float | None
    """Seconds since 1970."""
    paused_by: str | None
    scale: int | None
    scaled_from: list[int] | None


@dataclass(frozen=True, slots=True)
class Found:
    """Where a job is."""

    state: str
    """ready, scheduled, running, failed, finished or unknown."""
    queue: str
    step: str
    claim: int
    supervisor: str
    slot: str
    host: str
    silent_s: float | None
    lease_s: float | None


def give(
    conn: Connection[Any], who: str, verb: str, subject: str, arguments: Mapping[str, Any], supervisors: Sequence[str]
) -> int:
    """Store a command and ask these supervisors; its id."""
    values = {
        "who": who, "verb": verb, "subject": subject, "arguments": json.dumps(arguments),
        "supervisors": list(supervisors),
    }  # fmt: skip
    row = conn.execute(sql.text("give_command"), values).fetchone()
    assert row is not None  # noqa: S101  INSERT … RETURNING
    return int(row[0])


def close(conn: Connection[Any], command: int, result: str) -> None:
    """Its giver has carried it out."""
    conn.execute(sql.text("close_command"), {"command": command, "result": result})


def answer(conn: Connection[Any], command: int, supervisor: str, state: str, detail: str) -> None:
    """Say something to a command."""
    values = {"command": command, "supervisor": supervisor, "state": state, "detail": detail}
    conn.execute(sql.text("answer_command"), values)


def answers(conn: Connection[Any], command: int) -> list[Answer]:
    """Of everybody who was asked."""
    return [Answer(*row) for row in conn.execute(sql.text("command_answers"), {"command": command}).fetchall()]


def result(conn: Connection[Any], command: int) -> tuple[bool, str]:
    """(closed, what came of it)."""
    row = conn.execute(sql.text("command_result"), {"command": command}).fetchone()
    return (True, "") if row is None else (bool(row[0]), str(row[1]))


def open_commands(conn: Connection[Any], supervisor: str) -> list[Command]:
    """All that are open, in their order."""
    rows = conn.execute(sql.text("open_commands"), {"supervisor": supervisor}).fetchall()
    return [Command(*row) for row in rows]


def aims(conn: Connection[Any], supervisor: str) -> list[Aim]:
    """Runs of this supervisor's that are to be ended."""
    return [Aim(*row) for row in conn.execute(sql.text("aims"), {"supervisor": supervisor}).fetchall()]


def pursue_jobs(conn: Connection[Any]) -> None:
    """What anybody can do for open commands about jobs: cancel what waits, close what is over."""
    conn.execute(sql.text("cancel_waiting"), {})
    conn.execute(sql.text("close_job_commands"))


def close_answered(conn: Connection[Any]) -> None:
    """Close commands about queues that everybody alive has answered."""
    conn.execute(sql.text("close_queue_commands"))


def concerned(conn: Connection[Any], queue: str | None) -> list[Concerned]:
    """Who answers for a queue; None: for any."""
    rows = conn.execute(sql.text("concerned"), {"queue": queue}).fetchall()
    return [Concerned(name, host, pid, slots or {}) for name, host, pid, slots in rows]


def queue_orders(conn: Connection[Any]) -> dict[str, QueueOrder]:
    """Queues that are paused or scaled."""
    return {row[0]: QueueOrder(*row) for row in conn.execute(sql.text("queue_orders")).fetchall()}


def queue_names(conn: Connection[Any]) -> list[str]:
    """All that are declared or retired."""
    return [row[0] for row in conn.execute(sql.text("queue_names")).fetchall()]


def pause(conn: Connection[Any], queue: str, who: str) -> None:
    """Nobody claims from it any more."""
    conn.execute(sql.text("pause_queue"), {"queue": queue, "who": who})


def resume(conn: Connection[Any], queue: str) -> None:
    """It is claimed from again."""
    conn.execute(sql.text("resume_queue"), {"queue": queue})


def scale(conn: Connection[Any], queue: str, workers: int | None, scaled_from: Sequence[int]) -> None:
    """So many workers instead of `scaled_from`; None: as the file says."""
    values = {"queue": queue, "workers": workers, "scaled_from": None if workers is None else numbers(scaled_from)}
    conn.execute(sql.text("scale_queue"), values)


def end_scale(conn: Connection[Any], queue: str, workers: int, supervisor: str) -> None:
    """Our file says `workers`: a scale that was made from another number is over."""
    conn.execute(sql.text("end_scale"), {"queue": queue, "workers": workers, "supervisor": supervisor})


def find(conn: Connection[Any], job: int) -> Found:
    """Where it is."""
    row = conn.execute(sql.text("find_job"), {"job": job}).fetchone()
    assert row is not None  # noqa: S101  one row always
    return Found(*row)


def release_scheduled(conn: Connection[Any], job: int, reason: str) -> bool:
    """Make a scheduled job ready; whether it was one."""
    return conn.execute(sql.text("release_scheduled"), {"job": job, "reason": reason}).rowcount == 1


def running_of(conn: Connection[Any], queue: str) -> int:
    """Running jobs of a queue."""
    row = conn.execute(sql.text("running_of"), {"queue": queue}).fetchone()
    return int(row[0]) if row else 0


def prune(conn: Connection[Any]) -> bool:
    """Delete a batch of what is older than 90 days; true when there may be more."""
    return conn.execute(sql.text("prune_commands")).rowcount >= BATCH
