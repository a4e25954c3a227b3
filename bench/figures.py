"""Figures and their arithmetic: nothing here knows a clock, a process or a database."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number of one round."""

    case: str
    """Under what circumstances: `4 workers`, `1,000,000 delayed`. A column of the measure's table."""
    who: str
    """Whose: a contestant's name. A row of the table."""
    value: float
    unit: str = "jobs/s"
    round: int = 0
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The rounds of one figure."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Window:
    """A rate, and what it was counted from."""

    rate: float
    """Jobs a second; 0 when there were too few to say."""
    jobs: int
    seconds: float
    workers: int
    """How many processes ran jobs."""
    doubled: int
    """Runs of jobs that had run before."""


Mark = tuple[int, int, int]
"""Nanoseconds, job, pid."""

FEW = 10
"""Marks below which no rate is told."""


def summary(values: Iterable[float]) -> Summary:
    """Median, least and most. Raises ValueError when there are none."""
    found = sorted(values)
    if not found:
        raise ValueError("no figures to sum up")
    return Summary(statistics.median(found), found[0], found[-1], len(found))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all are not above: nearest rank. NaN when there are none."""
    found = sorted(values)
    return found[max(0, math.ceil(share * len(found)) - 1)] if found else math.nan


def window(marks: Iterable[Mark], workers: int, longest: float = math.inf) -> Window:
    """The rate from max(a tenth of the jobs done, every worker seen) on, for `longest` seconds or to the last job.

    When the workers were seen late, or not all, the last three tenths count: there is no more of a steady state then.
    """
    found = sorted(marks)
    seen = _first_seen(found)
    doubled = len(found) - len({job for _, job, _ in found})
    if len(found) < FEW:
        return Window(0.0, len(found), 0.0, len(seen), doubled)
    begin = found[len(found) // 10][0]
    if len(seen) >= workers:
        begin = max(begin, sorted(seen.values())[workers - 1])
    begin = min(begin, found[int(len(found) * 0.7)][0])
    end = min(found[-1][0], begin + int(longest * 1e9)) if longest < math.inf else found[-1][0]
    counted = sum(begin < moment <= end for moment, _, _ in found)
    seconds = (end - begin) / 1e9
    return Window(counted / seconds if seconds else 0.0, counted, seconds, len(seen), doubled)


def ratios(above: Sequence[Figure], below: Sequence[Figure]) -> list[float]:
    """One ratio for each round that both have, to the best of several: a round knows the machine as it was then."""
    divisors: dict[int, float] = {}
    for figure in below:
        divisors[figure.round] = max(figure.value, divisors.get(figure.round, 0.0))
    return [figure.value / divisors[figure.round] for figure in above if divisors.get(figure.round)]


def _first_seen(marks: Iterable[Mark]) -> dict[int, int]:
    seen: dict[int, int] = {}
    for moment, _, pid in marks:
        seen.setdefault(pid, moment)
    return seen
