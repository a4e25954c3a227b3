"""Asking many at the same time, within one deadline: nobody who hangs takes the time of the others.

The threads are daemons and are not joined: one that sits in a name lookup, which has no time limit, must not hold the
job. It ends with its worker.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Pace:
    """How many are asked at the same time, and how many seconds each has."""

    threads: int
    limit: float


@dataclass(frozen=True, slots=True)
class Reply(Generic[Q, A]):
    """What became of a question. `answer` is None when there was none in time, or `error` says what broke."""

    question: Q
    asked: float
    answer: A | None
    error: str = ""


def pace(count: int, *, threads: int, limit: float, seconds: float) -> Pace:
    """So many threads that all can be asked within `seconds` even if nobody answers; else less time for each."""
    used = max(1, min(threads, count))
    rounds = math.ceil(count / used) or 1
    return Pace(used, min(limit, seconds / rounds))


class _Round(Generic[Q, A]):
    """The threads of one ask_all, and what they share."""

    def __init__(self, questions: Sequence[Q], ask: Callable[[Q], A], seconds: float) -> None:
        self.ask = ask
        self.deadline = time.monotonic() + seconds
        self.waiting: queue.SimpleQueue[Q] = queue.SimpleQueue()
        self.replies: queue.SimpleQueue[Reply[Q, A]] = queue.SimpleQueue()
        self.running: dict[int, tuple[Q, float]] = {}
        for question in questions:
            self.waiting.put(question)

    def work(self) -> None:
        """What each thread does."""
        while time.monotonic() < self.deadline:
            try:
                question = self.waiting.get_nowait()
            except queue.Empty:
                return
            self.running[threading.get_ident()] = (question, time.monotonic())
            self.replies.put(self._one(question, time.monotonic()))
            self.running.pop(threading.get_ident(), None)

    def _one(self, question: Q, begun: float) -> Reply[Q, A]:
        try:
            return Reply(question, begun, self.ask(question))
        except Exception as error:
            # Whatever one of them does, the others are still to be asked.
            return Reply(question, begun, None, type(error).__name__)

    def overdue(self, limit: float) -> list[tuple[Q, float]]:
        """Questions that have had more than their limit."""
        return [
            (question, begun) for question, begun in list(self.running.values()) if time.monotonic() - begun > limit
        ]

    def is_stuck(self, limit: float) -> bool:
        """Whether nothing more will come: those who are still at it should have ended long ago."""
        late = time.monotonic() > self.deadline + limit
        return late or (self.waiting.empty() and len(self.overdue(1.5 * limit)) == len(self.running))


def ask_all(
    questions: Sequence[Q], ask: Callable[[Q], A], *, threads: int, limit: float, seconds: float
) -> Iterator[Reply[Q, A]]:
    """Every reply as it comes; `asked` is on time.monotonic()'s clock.

    `ask` is to end by itself within `limit`. After `seconds` no more are asked. Whoever hangs beyond his limit is told
    as unanswered at the end; who was not asked at all is not told.
    """
    this = _Round(questions, ask, seconds)
    for number in range(min(threads, len(questions))):
        threading.Thread(target=this.work, name=f"asking-{number}", daemon=True).start()
    told = 0
    while told < len(questions):
        try:
            yield this.replies.get(timeout=limit / 2)
        except queue.Empty:
            if this.is_stuck(limit):
                break
        else:
            told += 1
    for question, begun in this.overdue(limit):
        yield Reply(question, begun, None)
