"""How an operator's command reaches the database, and the options that such commands share.

They must work in bad times: with a broken queues.yaml, or without one, as long as the database is named elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qsup.cli.options import config_option, database_option, json_option, reach
from qsup.units import duration

if TYPE_CHECKING:
    from psycopg import Connection

F = TypeVar("F", bound=Callable[..., Any])

MOST = 2**63 - 1
"""The largest id."""


def operators_options(function: F) -> F:
    """`--config`, `--database`, `--json`."""
    return config_option(database_option(json_option(function)))


def filter_options(function: F) -> F:
    """`--queue`, `--job`, `--fingerprint`."""
    queue = click.option("--queue", metavar="QUEUE", help="Only those of this queue, also one that no file declares.")
    job = click.option("--job", metavar="CLASS", help="Only those of this job class.")
    same = click.option(
        "--fingerprint", metavar="HEX", help="Only those that failed in the same way: `failed --group`."
    )
    return queue(job(same(function)))


@contextmanager
def reached(config: str | None, database: str | None) -> Iterator[Connection[Any]]:
    """A connection to the project's database, with sentences for its errors. Raises QsupError."""
    from qsup.operating import operator

    with operator(reach(config, database, start=True)) as conn:
        yield conn


def numbers_of(words: Iterable[str]) -> list[int]:
    """The ids that were typed, each once. Raises UsageError."""
    found = []
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word) <= MOST):
            raise click.UsageError(f"{word} is no job id; ids are whole numbers, as `qsup failed` shows them.")
        found.append(int(word))
    return list(dict.fromkeys(found))


def since_when(text: str | None) -> datetime | None:
    """`2h` ago, or a moment like 2026-11-21 or 2026-11-21T14:00; without a time zone the local one is meant."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return datetime.now().astimezone() - timedelta(seconds=duration(text))
    except (ValueError, OverflowError):
        expected = "expected a time that has passed (90s, 2h, 7d) or a date (2026-11-21, 2026-11-21T14:00)"
        raise click.BadParameter(f"{text!r}: {expected}", param_hint="--since") from None


def some(ids: list[int], most: int = 20) -> str:
    """The first ids, and how many more there are."""
    more = f" and {len(ids) - most:,} more" if len(ids) > most else ""
    return " ".join(map(str, ids[:most])) + more
