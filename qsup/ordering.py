"""Giving an operator's command, from any host that reaches the database, and waiting for those who carry it out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from qsup import connect, migrate, orderbook
from qsup.check.problem import nearest
from qsup.errors import DatabaseUnavailable, QsupError, UnknownQueue
from qsup.operating import who
from qsup.orderbook import Answer, Found
from qsup.orders import QUEUE_VERBS

LOOK = 0.5
"""Seconds between looks, should a notification be missed."""
STALE = 30.0
"""Seconds without a heartbeat after which a supervisor counts as silent."""

Conn = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Given:
    """A command, and what came of it so far."""

    id: int
    verb: str
    subject: str
    answers: Sequence[Answer]
    closed: bool
    result: str

    @property
    def pending(self) -> list[Answer]:
        """Those who have not said anything yet and may still do so."""
        return [one for one in self.answers if one.state == "asked" and one.silent_s is not None]

    @property
    def unfinished(self) -> list[Answer]:
        """Those who have not said their last word."""
        return [one for one in self.answers if one.state in ("asked", "taken") and one.silent_s is not None]

    @property
    def refused(self) -> list[Answer]:
        """Those who did not do it."""
        return [one for one in self.answers if one.state == "refused"]

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        answers = [
            {name: getattr(one, name) for name in ("supervisor", "host", "pid", "state", "detail")}
            for one in self.answers
        ]
        told = {"command": self.id, "verb": self.verb, "subject": self.subject, "result": self.result}
        return told | {"answered": not self.pending, "answers": answers}


@contextmanager
def desk(dsn: str, verb: str) -> Iterator[Conn]:
    """A connection for one command. Raises DatabaseUnavailable also when it is lost in the middle."""
    try:
        with connect.open_own(dsn, role=f"command:{verb}") as conn:
            migrate.require(conn)
            conn.execute("LISTEN qsup_answer")
            yield conn
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"the connection was lost in the middle: {str(error).strip()}",
            hint="If the command was stored, it is carried out all the same; giving it again does no harm.",
        ) from None


def see_queue(conn: Conn, queue: str) -> None:
    """Raise UnknownQueue, with the nearest name, when nobody has declared it."""
    known = orderbook.queue_names(conn)
    if queue not in known:
        hint = nearest(queue, known) or f"Declared: {', '.join(known) or 'none yet'}."
        raise UnknownQueue(f"no queue {queue} is declared", hint=hint)


def give(
    conn: Conn, verb: str, subject: str, arguments: Mapping[str, Any], supervisors: Sequence[str],
    effect: Callable[[], None] = lambda: None,
) -> int:  # fmt: skip
    """Store the command with what the database does for it, in one transaction; its id."""
    with conn.transaction():
        effect()
        return orderbook.give(conn, who(os.environ), verb, subject, arguments, supervisors)


def look(conn: Conn, command: int, verb: str, subject: str) -> Given:
    """What came of it; whatever anybody can do for it is done first."""
    if verb in QUEUE_VERBS:
        orderbook.close_answered(conn)
    else:
        orderbook.pursue_jobs(conn)
    closed, result = orderbook.result(conn, command)
    return Given(command, verb, subject, orderbook.answers(conn, command), closed, result)


def wait(conn: Conn, ready: Callable[[], bool], timeout: float) -> bool:
    """Until it is so, or the time is over; which?"""
    end = time.monotonic() + timeout
    while not ready():
        rest = end - time.monotonic()
        if rest <= 0:
            return False
        for _ in conn.notifies(timeout=min(LOOK, rest), stop_after=1):
            pass
    return True


def follow(conn: Conn, first: Given, done: Callable[[Given], bool], timeout: float) -> Given:
    """Look until it is done or the time is over; the last look."""
    last = [first]

    def ready() -> bool:
        last[0] = look(conn, first.id, first.verb, first.subject)
        return done(last[0])

    wait(conn, ready, timeout)
    return last[0]


def see_job(conn: Conn, job: int) -> Found:
    """Where a job is that waits or runs. Raises QsupError when it does not any more."""
    found = orderbook.find(conn, job)
    match found.state:
        case "ready" | "scheduled" | "running":
            return found
        case "failed":
            raise QsupError(f"job {job} has failed already", hint="It is in qsup.failed_jobs.")
        case "finished":
            raise QsupError(f"job {job} is done already", hint="It is in the history of its queue.")
        case _:
            raise QsupError(
                f"there is no job {job}", hint="A finished job leaves no row, unless its queue says `keep`."
            )


def is_silent(found: Found) -> bool:
    """Whether nobody alive answers for a running job."""
    return found.silent_s is None or found.silent_s > STALE
