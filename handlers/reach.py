"""Whether a router can be reached: what one look means (pure), and the columns of hotspot.routers that tell it.

`deploy` is another fact and is never written here: a router that answers is not a router that is set up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from handlers.operator_settings import CheckSettings

OURS = ["credentials", "settings", "tls"]
"""Problems that a look can judge; it clears no other: reading says nothing about a missing right to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A router in service. `name` may be empty."""

    id: int
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a router made of a greeting. `problem`: a word for people when it answers but will not work with us."""

    answered: bool
    problem: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a router: what it found, and when it began (the database's clock)."""

    answer: Answer
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The columns of one router."""

    reach: str
    reach_at: datetime | None
    misses: int
    missed_at: datetime | None


def judge(before: Reach, look: Look, settings: CheckSettings) -> Reach | None:
    """The router's reach after a look; None when the look changes nothing.

    An answer is believed at once, silence only after `misses` looks. A look that is older than what is known came too
    late; one within `gap` of the last miss looks into the same silence (two jobs at once, a job that was killed and
    runs again, many jobs after a pause).
    """
    if before.reach_at is not None and look.at <= before.reach_at:
        return None
    if look.answer.answered:
        return Reach(reach="online", reach_at=look.at, misses=0, missed_at=None)
    if before.missed_at is not None and look.at - before.missed_at < timedelta(seconds=settings.gap):
        return None
    misses = before.misses + 1
    reach = "offline" if misses >= settings.misses else before.reach
    return Reach(reach=reach, reach_at=look.at, misses=misses, missed_at=look.at)


def load(conn: psycopg.Connection[Any]) -> tuple[list[Asked], datetime]:
    """All routers in service, those first that were looked at longest ago, and the database's time."""
    rows = conn.execute(
        "SELECT id, coalesce(name, ''), address FROM hotspot.routers WHERE retired_at IS NULL"
        " ORDER BY reach_at NULLS FIRST, id"
    ).fetchall()
    now = conn.execute("SELECT clock_timestamp()").fetchone()
    if now is None:
        raise LookupError("the database did not tell the time")
    return [Asked(id=row[0], name=row[1], address=row[2]) for row in rows], now[0]


def record(conn: psycopg.Connection[Any], router_id: int, look: Look, settings: CheckSettings) -> None:
    """Write a look down, in a transaction of its own: what is known survives whatever ends the job."""
    with conn.transaction():
        row = conn.execute(
            "SELECT reach, reach_at, misses, missed_at FROM hotspot.routers WHERE id = %s FOR UPDATE", [router_id]
        ).fetchone()
        if row is None:
            return
        before = Reach(reach=row[0], reach_at=row[1], misses=row[2], missed_at=row[3])
        after = judge(before, look, settings)
        if after is None:
            return
        conn.execute(
            "UPDATE hotspot.routers SET reach = %s, reach_at = %s, misses = %s, missed_at = %s, reach_detail = %s"
            " WHERE id = %s",
            [after.reach, after.reach_at, after.misses, after.missed_at, look.answer.detail[:500] or None, router_id],
        )
        if look.answer.answered:
            flag(conn, router_id, look.answer.problem, look.answer.detail)


def flag(conn: psycopg.Connection[Any], router_id: int, problem: str | None, detail: str) -> None:
    """Set the router's problem (since when stays as long as it is the same); None clears what a look can judge."""
    if problem is None:
        conn.execute(
            "UPDATE hotspot.routers SET problem = NULL, problem_detail = NULL, problem_at = NULL"
            " WHERE id = %s AND problem = ANY (%s)",
            [router_id, OURS],
        )
        return
    conn.execute(
        "UPDATE hotspot.routers SET problem = %(problem)s, problem_detail = %(detail)s,"
        " problem_at = CASE WHEN problem = %(problem)s THEN problem_at ELSE clock_timestamp() END WHERE id = %(id)s",
        {"id": router_id, "problem": problem, "detail": detail[:500]},
    )
