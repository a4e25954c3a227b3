"""Scan: how long `qsup validate` takes for a large project; the project and the timing are bench.scan's."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from bench.arena import Arena
from bench.figures import Figure
from bench.measures.measure import Measure

WHO = "qsup validate"


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """Every number that bench.scan.measure finds. Raises ModuleNotFoundError without it."""
    found = importlib.import_module("bench.scan").measure(not arena.scale.thorough)
    yield from (Figure(case, WHO, value, "") for case, value in flat(found))


def flat(found: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    """`{"cold": {"seconds": 3.2}}` → `("cold, seconds", 3.2)`; what is no number is left out."""
    for name, value in found.items():
        words = f"{before}, {name}" if before else str(name)
        if isinstance(value, Mapping):
            yield from flat(value, words)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield words, float(value)


MEASURE = Measure(
    "scan",
    "Checking a large project",
    "`qsup validate` on a project that is made up from a seed: 10,000 Python files.",
    run,
    less_is_better=True,
)
