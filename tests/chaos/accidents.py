"""Which accidents happen when: drawn from the seed before the run begins. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass

COMMON: tuple[tuple[str, float, float, float], ...] = (
    # what, weight, shortest and longest seconds that it lasts (or that the thing stays away)
    ("kill worker", 14, 0, 0),
    ("kill courier", 9, 0, 0),
    ("kill template", 5, 0, 0),
    ("kill supervisor", 4, 0, 1.5),
    ("kill supervisor, template and courier", 3, 0, 1.0),
    ("kill all of qsup", 1, 0, 1.0),
    ("ask worker to leave", 3, 0, 0),
    ("kill postmaster", 3, 0, 3.0),
    ("kill backend", 3, 0, 0),
    ("end backend", 3, 0, 0),
    ("stop postgres fast", 2, 0, 3.0),
    ("stop postgres immediate", 2, 0, 3.0),
    ("pause worker", 5, 0.1, 4.0),
    ("pause courier", 4, 0.1, 4.0),
    ("pause template", 3, 0.1, 4.0),
    ("pause supervisor", 3, 0.1, 4.0),
    ("pause worker long", 2, 9.0, 14.0),
    ("pause courier long", 1, 6.0, 9.0),
    ("pause template long", 1, 6.0, 9.0),
    ("pause supervisor long", 1, 6.0, 12.0),
    ("edit", 8, 0, 0),
    ("break the file", 3, 0.2, 2.0),
    ("refused edit", 3, 0.2, 2.0),
    ("bad code", 3, 0.5, 3.0),
    ("new code", 2, 0, 0),
)
OF_THE_CHILD = ("kill database child", 3, 0.0, 0.0)
"""Only where qsup runs the PostgreSQL itself."""
LONG_RUN = 110.0
MEDIUM_RUN = 50.0
GAP = (0.05, 1.0)
"""Seconds between two accidents of a burst."""
BURST = 4
"""The most of one burst."""
CALM = (1.5, 4.5)
"""Seconds between two bursts: without them hardly a job runs, and accidents to idle processes prove little."""


@dataclass(frozen=True, slots=True)
class Accident:
    """One of them."""

    at: float
    what: str
    pick: float
    """In [0, 1): which of those that there are."""
    seconds: float = 0.0


def drawn(rnd: random.Random, seconds: float, *, embedded: bool) -> list[Accident]:
    """The accidents of a run of so many seconds, in their order."""
    kinds = [*COMMON, OF_THE_CHILD] if embedded else list(COMMON)
    found, at = [], 1.0
    while at < seconds:
        for _ in range(rnd.randint(1, BURST)):
            what, _, least, most = rnd.choices(kinds, [kind[1] for kind in kinds])[0]
            found.append(Accident(at, what, rnd.random(), rnd.uniform(least, most)))
            at += rnd.uniform(*GAP)
        at += rnd.uniform(*CALM)
    return sorted(found + _once(rnd, seconds), key=lambda accident: accident.at)


def _once(rnd: random.Random, seconds: float) -> list[Accident]:
    """What a run has once, at the most."""
    away = 60.0 if seconds >= LONG_RUN else 10.0 if seconds >= MEDIUM_RUN else 4.0
    at = rnd.uniform(0.1, 0.4) * seconds
    found = [Accident(at, "keep postgres away", rnd.random(), away)]
    # While outcomes wait to be stored, those who keep them die.
    for what in (
        "kill courier",
        "kill template",
        rnd.choice(["kill courier", "kill supervisor, template and courier"]),
    ):
        found.append(Accident(at + rnd.uniform(0.1, 0.9) * away, what, rnd.random()))
    if seconds >= MEDIUM_RUN:
        found.append(Accident(rnd.uniform(0.6, 0.95) * seconds, "suspend the host", rnd.random(), 20.0))
    return found
