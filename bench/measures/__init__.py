"""The measures, by the names that `python -m bench` takes; each module has one `Measure`, called MEASURE."""

from __future__ import annotations

import importlib

from bench.measures.measure import Measure

NAMES = (
    "drain", "backlog", "churn", "queues", "pickup", "dispatch", "fleet", "kill", "log", "promotion", "memory",
    "versions", "scan",
)  # fmt: skip
"""In the order in which they are run and told."""
QUICK = ("drain", "pickup", "dispatch", "fleet", "kill", "churn", "backlog", "queues", "log")
"""Those of a quick run, in its order: what matters most comes before its time is over."""
SMOKE = ("drain", "pickup", "kill")
"""Those that a smoke run plays: server, producers, raw limits, marks, windows and qsup are used by them."""


def load(name: str) -> Measure:
    """The measure of this name. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    found = importlib.import_module(f"bench.measures.{name}").MEASURE
    assert isinstance(found, Measure)  # noqa: S101  a module without one is a mistake in the bench
    return found
