"""PostgreSQL's array literals.

Arrays of whole numbers travel as text (`{1,2,3}`): psycopg would choose int2, int4 or int8 by the largest number, and
each choice would be another prepared statement. Those of the claim and of dispatch_many all do: psycopg looks at each
element in Python, which cost as much as the rest of the claim, and 4 of 19 microseconds for each of 1,000 jobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache


def numbers(values: Iterable[int]) -> str:
    """A PostgreSQL array literal of whole numbers."""
    return "{" + ",".join(map(str, values)) + "}"


def seconds(values: Iterable[float]) -> str:
    """A PostgreSQL array literal of numbers out of queues.yaml, which are few."""
    return "{" + ",".join(map(_written, values)) + "}"


def texts(values: Iterable[str]) -> str:
    """A PostgreSQL array literal of names, which are few."""
    return "{" + ",".join(map(_quoted, values)) + "}"


def documents(values: Iterable[str]) -> str:
    """A PostgreSQL array literal of any texts, of which each comes once."""
    return "{" + ",".join([_quote(value) for value in values]) + "}"


@lru_cache(1024)
def _written(value: float) -> str:
    # The digits of a float are sought for, which takes far longer than to look up the last answer.
    return str(value)


def _quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_quoted = lru_cache(4096)(_quote)
