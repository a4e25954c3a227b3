"""What is ordered: a mix of jobs from the seed, and how each must end. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

MIX: tuple[tuple[str, str, float], ...] = (
    # job class, what it does, share
    ("Quick", "", 40.0),
    ("Quick", "progress", 1.0),
    ("Quick", "raise", 2.0),
    ("Quick", "raise after", 1.0),
    ("Quick", "note", 10.0),
    ("Common", "nap", 24.0),
    ("Common", "note", 4.0),
    ("Common", "long note", 3.0),
    ("Common", "retry", 3.0),
    ("Common", "child", 4.0),
    ("Common", "async", 2.0),
    ("Common", "linger", 2.0),
    ("Common", "fork", 1.0),
    ("Common", "stray", 0.5),
)
RARE: tuple[tuple[str, str, float, int], ...] = (
    # job class, what it does, share of all orders, at the most; each of them costs a worker or a second
    ("Quick", "kill", 0.004, 12),
    ("Quick", "exit after", 0.003, 8),
    ("Common", "exit", 0.003, 12),
    ("Common", "kill inside", 0.004, 12),
    ("Common", "fork and die", 0.003, 8),
    ("Tight", "hang", 0.004, 10),
    ("Tight", "stop", 0.002, 4),
    ("Slow", "second", 0.003, 10),
    ("Doomed", "doom", 0.01, 60),
    ("Doomed", "discard", 0.005, 30),
    ("Poison", "poison", 0.001, 2),
)
LONG = ("three seconds", "three seconds note")
LONG_PER_SECOND = 0.3
"""Fewer than the slow queue's workers could do: one is often free to take a job that another still has."""
FAILS = ("doom", "discard", "poison")


@dataclass(frozen=True, slots=True)
class Order:
    """One job."""

    n: int
    job: str
    does: str
    child: int = 0

    @property
    def fails(self) -> bool:
        """It must end in failed_jobs, without an effect."""
        return self.does in FAILS

    @property
    def noted(self) -> bool:
        """Its effect is not in ctx.transaction(): it happens at least once."""
        return self.does.endswith("note")


def mixed(rnd: random.Random, total: int, seconds: float) -> tuple[list[Order], list[Order]]:
    """`total` orders in a random order: those to be dispatched, and those that others dispatch."""
    kinds = [("Slow", LONG[number % 2]) for number in range(round(seconds * LONG_PER_SECOND))]
    kinds += [(job, does) for job, does, share, most in RARE for _ in range(min(most, max(1, round(share * total))))]
    weights = [share for *_, share in MIX]
    while len(kinds) < total:
        job, does = rnd.choices([(job, does) for job, does, _ in MIX], weights)[0]
        # A child counts as a job of its own.
        kinds += [(job, does), ("Common", "(child)")] if does == "child" else [(job, does)]
    rnd.shuffle(kinds)
    children = [n for n, (_, does) in enumerate(kinds) if does == "(child)"]
    given = iter(children)
    roots = [
        Order(n, job, does, next(given) if does == "child" else 0)
        for n, (job, does) in enumerate(kinds)
        if does != "(child)"
    ]
    return roots, [Order(n, "Common", "nap") for n in children]


def batches(rnd: random.Random, orders: Sequence[Order], seconds: float) -> list[tuple[float, list[Order]]]:
    """When which orders are dispatched: a third at the start, the rest in handfuls until the accidents end."""
    first = len(orders) // 3
    found = [(0.0, list(orders[:first]))]
    rest = list(orders[first:])
    count = max(1, round(seconds * 2))
    times = sorted(rnd.uniform(0.5, seconds) for _ in range(count))
    size = -(-len(rest) // count)
    return found + [(times[i], rest[i * size : (i + 1) * size]) for i in range(count) if rest[i * size :]]
