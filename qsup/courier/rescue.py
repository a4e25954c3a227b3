"""Whose jobs may be rescued: a supervisor's that was silent in two looks, and never by one who has just come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LOOK_EVERY = 15.0
STALE_AFTER = 15.0
"""Seconds of silence after which a supervisor counts as gone, if two looks LOOK_EVERY apart find it so."""
FIRST_LOOK = 2 * LOOK_EVERY
"""Seconds after a (re)connection: while the database was away nobody could beat."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a look."""

    gone: tuple[str, ...]
    alive: tuple[str, ...]
    """Their jobs are not rescued, however old their leases are."""


class Watch:
    """Remembers who was silent at the last look."""

    def __init__(self) -> None:
        self._suspects: set[str] = set()

    def look(self, us: str, silent: Mapping[str, float], connected: float) -> Found | None:
        """`silent`: supervisor → seconds since its last beat. None: we are connected for too few seconds yet."""
        if connected < FIRST_LOOK:
            self._suspects.clear()
            return None
        stale = {one for one, seconds in silent.items() if seconds > STALE_AFTER and one != us}
        gone, self._suspects = stale & self._suspects, stale
        alive = {us, *silent} - gone
        return Found(tuple(sorted(gone)), tuple(sorted(alive)))
