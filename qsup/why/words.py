"""Times and numbers in sentences."""

from __future__ import annotations

from datetime import datetime

from qsup.check.problem import counted
from qsup.units import written

COUNTED = 1000
"""Where why_ahead.sql stops counting."""


def moment(when: datetime) -> str:
    """To the second, in the time zone that it came with."""
    return f"{when:%Y-%m-%d %H:%M:%S}"


def since(when: datetime | None, now: datetime) -> str:
    """` since 2026-11-21 12:00:00 (2h5m)`; empty when it is not known."""
    return "" if when is None else f" since {moment(when)} ({coarse((now - when).total_seconds())})"


def coarse(seconds: float) -> str:
    """A duration without what nobody wants to know of a long one."""
    unit = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    return written(max(0, round(seconds / unit) * unit))


def jobs(number: int) -> str:
    """`1 job`, `1,000 jobs or more`."""
    return counted(number, "job") + (" or more" if number >= COUNTED else "")
