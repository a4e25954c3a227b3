"""The arithmetic of the bench: windows, percentiles, ratios and what is told of them."""

from __future__ import annotations

import math

import pytest

from bench import tables
from bench.figures import Figure, percentile, ratios, summary, window
from bench.measures.measure import Measure, Target

SECOND = 10**9


def every(milliseconds: int, count: int, *, pid: int = 1, first: int = 0) -> list[tuple[int, int, int]]:
    """Marks of jobs in a steady row."""
    return [(first * SECOND + at * milliseconds * 10**6, pid * 1000 + at, pid) for at in range(count)]


def test_a_steady_row_has_its_rate() -> None:
    found = window(every(10, 500), workers=1)
    assert found.rate == pytest.approx(100)
    assert (found.workers, found.doubled) == (1, 0)


def test_the_start_does_not_count_before_a_tenth_is_done() -> None:
    slow_start = every(1000, 10) + every(1, 90, pid=2, first=10)
    assert window(slow_start, workers=1).rate == pytest.approx(1000, rel=0.02)


def test_nothing_counts_before_every_worker_has_been_seen() -> None:
    alone, both = every(10, 100), every(10, 100, first=1) + every(10, 100, pid=2, first=1)
    assert window(alone + [(at, job + 500, pid) for at, job, pid in both], workers=2).rate == pytest.approx(
        200, rel=0.02
    )
    assert window(alone, workers=2).workers == 1


def test_a_worker_that_comes_at_the_very_end_leaves_three_tenths_to_count() -> None:
    found = window([*every(10, 99), (99 * SECOND // 100, 7777, 2)], workers=2)
    assert found.rate == pytest.approx(100, rel=0.05)
    assert found.jobs == 29


def test_a_window_has_a_longest() -> None:
    assert window(every(10, 500), workers=1, longest=1.0).jobs == 100


def test_a_job_that_ran_twice_is_seen() -> None:
    marks = every(10, 50)
    assert window([*marks, marks[-1]], workers=1).doubled == 1


def test_too_few_marks_have_no_rate() -> None:
    assert window(every(10, 3), workers=1).rate == 0
    assert window([], workers=1).jobs == 0


def test_percentiles_are_the_nearest_rank() -> None:
    hundred = [float(value) for value in range(100, 0, -1)]
    assert [percentile(hundred, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.01) == 7
    assert math.isnan(percentile([], 0.5))


def test_rounds_are_compared_with_themselves_and_with_the_best() -> None:
    def figures(who: str, *values: float) -> list[Figure]:
        return [Figure("case", who, value, round=number) for number, value in enumerate(values, 1)]

    ours = figures("qsup", 10, 30, 50)
    assert ratios(ours, figures("bare", 20, 30)) == [0.5, 1.0]
    assert ratios(ours, figures("a", 1, 30, 5) + figures("b", 5, 3, 25)) == [2.0, 1.0, 2.0]
    assert ratios(ours, figures("nobody", 0, 0, 0)) == []


def test_a_summary_has_median_least_and_most() -> None:
    found = summary([3, 1, 100])
    assert (found.median, found.low, found.high, found.rounds) == (3, 1, 100, 3)
    with pytest.raises(ValueError, match="no figures"):
        summary([])


def test_a_table_tells_median_and_spread_and_a_target_whether_it_is_reached() -> None:
    values = {("qsup", 1): 900.0, ("qsup", 2): 700.0, ("bare", 1): 1000.0, ("bare", 2): 1000.0}
    figures = [Figure("4 workers", who, value, round=number) for (who, number), value in values.items()]
    assert tables.table(figures) == [
        "| | 4 workers |", "|---|---|", "| qsup | 800 (700-900) |", "| bare | 1,000 (1,000-1,000) |",
    ]  # fmt: skip
    wanted = Target("4 workers", "qsup", ("bare",), least=0.8), Target("4 workers", "bare", most=999)
    measure = Measure("x", "Drain", "", lambda *_: iter(()), wanted)
    assert tables.targets(measure, figures) == [
        "| Drain, 4 workers | qsup / bare | 0.80 (0.70-0.90) | ≥ 0.8 | yes |",
        "| Drain, 4 workers | bare | 1,000 (1,000-1,000) | ≤ 999 | **no** |",
    ]
    assert tables.targets(measure, []) == []


@pytest.mark.parametrize(
    ("value", "words"), [(12345.6, "12,346"), (12.34, "12.3"), (0.123, "0.12"), (math.inf, "never")]
)
def test_numbers_have_as_many_digits_as_say_something(value: float, words: str) -> None:
    assert tables.number(value) == words
