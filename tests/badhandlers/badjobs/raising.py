"""Exceptions of every kind."""

# ruff: noqa: ARG001  bad on purpose

from __future__ import annotations

import asyncio
from collections.abc import Callable

import qsup

from .jobs import KEPT, Bad


class Unreadable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class Fatal(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class Recursing(Exception):
    def __str__(self) -> str:
        return str(self)


class Wordless:
    def __str__(self) -> str:
        raise KeyError("no words")


def deep() -> BaseException:
    error: BaseException = ValueError("the first")
    for number in range(5000):
        error, error.__cause__ = ValueError(str(number)), error
    return error


def nested() -> BaseException:
    error: Exception = ValueError("innermost")
    for _ in range(2000):
        error = ExceptionGroup("a group", [error])
    return error


RAISED: dict[str, Callable[[], BaseException]] = {
    "NUL": lambda: ValueError("a\x00b"),
    "50 MB": lambda: ValueError("x" * 50_000_000),
    "surrogates": lambda: ValueError("\ud800\udfff"),
    "unreadable": Unreadable,
    "recursing": Recursing,
    "exits when read": Fatal,
    "a group": lambda: ExceptionGroup("two", [ValueError("one"), TypeError("other")]),
    "nested groups": nested,
    "5000 causes": deep,
    "RecursionError": RecursionError,
    "MemoryError": MemoryError,
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "StopIteration": StopIteration,
    "CancelledError": asyncio.CancelledError,
    "SystemExit": lambda: SystemExit(3),
    "SystemExit with an object": lambda: SystemExit(KEPT),
    "Retry for no reason": lambda: qsup.Retry(Wordless()),  # type: ignore[arg-type]  # on purpose
    "Discard for no reason": lambda: qsup.Discard(Wordless()),  # type: ignore[arg-type]  # on purpose
    "Retry after ever": lambda: qsup.Retry("later", after=float("inf")),
    "Retry after nan": lambda: qsup.Retry("later", after=float("nan")),
    "Retry after ages": lambda: qsup.Retry("later", after=1e300),
    "Retry after words": lambda: broken_retry(),
    "Retry in the past": lambda: qsup.Retry("before", after=-1e6),
}


def broken_retry() -> qsup.Retry:
    retry = qsup.Retry("later")
    retry.after = "soon"  # type: ignore[assignment]  # on purpose
    return retry


def raising(job: Bad, ctx: qsup.Context) -> None:
    raise RAISED[job.text]()
