"""Running failed jobs again: each id is either back on its queue or answered with the reason why not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from qsup import sql
from qsup.dispatching import refusal
from qsup.failed import Filter, batches
from qsup.literals import numbers
from qsup.operating import Command

BATCH = 500
"""Jobs that come back in one transaction."""
TIMES = 5
"""A queue that is taken away in this moment fails the whole statement; the next look sees that it is gone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one id; `refused` is empty when it is back on its queue, else the word for why not."""

    id: int
    queue: str | None
    job: str | None
    refused: str
    rival: int | None = None
    reason: str = ""


def retry(conn: Connection[Any], command: Command, ids: Sequence[int], target: str | None) -> list[Answer]:
    """Move these back, in batches."""
    return _all(conn, command, [ids[begun : begun + BATCH] for begun in range(0, len(ids), BATCH)], target)


def retry_all(conn: Connection[Any], command: Command, wanted: Filter, target: str | None) -> list[Answer]:
    """Move everything back that matches, in batches."""
    return _all(conn, command, batches(conn, wanted, BATCH), target)


def _all(conn: Connection[Any], command: Command, parts: Iterable[Sequence[int]], target: str | None) -> list[Answer]:
    reasons = Reasons(conn)
    answers: list[Answer] = []
    for part in parts:
        with conn.transaction():
            answers += _moved(conn, command, part, target)
            command.result(summary(answers))
    return [reasons.completed(answer) for answer in answers]


def summary(answers: Sequence[Answer]) -> str:
    """`retried 3, not 1`."""
    refused = sum(1 for answer in answers if answer.refused)
    return f"retried {len(answers) - refused}" + (f", not {refused}" if refused else "")


def _moved(conn: Connection[Any], command: Command, ids: Sequence[int], target: str | None) -> list[Answer]:
    values = {"ids": numbers(ids), "target": target, "note": command.note}
    for time in range(TIMES):
        try:
            with conn.transaction(), conn.cursor(row_factory=class_row(Answer)) as cursor:
                answers = cursor.execute(sql.text("retry_failed"), values).fetchall()
            break
        except psycopg.errors.ForeignKeyViolation:
            if time == TIMES - 1:
                raise
    queues = {answer.queue for answer in answers if not answer.refused}
    conn.execute(sql.text("notify_waiting"), {"queues": sorted(str(queue) for queue in queues)})
    return answers


class Reasons:
    """The sentence for each refusal. For a class or queue they are those of dispatch, asked once for each name."""

    def __init__(self, conn: Connection[Any]) -> None:
        self.conn = conn
        self.known: dict[tuple[str, str], str] = {}

    def completed(self, answer: Answer) -> Answer:
        """The answer with its reason."""
        return Answer(answer.id, answer.queue, answer.job, answer.refused, answer.rival, self.reason(answer))

    def reason(self, answer: Answer) -> str:
        """Why it was not moved; empty when it was."""
        match answer.refused:
            case "":
                return ""
            case "class":
                return self._as_dispatch("refuse_type", str(answer.job))
            case "queue":
                return self._as_dispatch("refuse_queue", str(answer.queue))
            case "key" if answer.rival is not None:
                return f"job {answer.rival} of the same class and unique key is waiting or running"
            case _:
                return SENTENCES[answer.refused]

    def _as_dispatch(self, statement: str, name: str) -> str:
        if (statement, name) not in self.known:
            self.known[statement, name] = f"{name} is not declared"
            try:
                self.conn.execute(sql.text(statement), {"name": name})
            except psycopg.Error as error:
                self.known[statement, name] = str(refusal(error)).replace("\n ", ".")
        return self.known[statement, name]


SENTENCES = {
    "hook": "its failed hook has not ended yet; retry it after that",
    "key": "another failed job of the same class and unique key was retried in its place",
    "discarded": "it is discarded; bring it back with `qsup flush --undo` first",
    "held": "another command is busy with it at this moment",
    "live": "it has not failed: it is waiting or running",
    "unknown": "no failed job has this id",
}
