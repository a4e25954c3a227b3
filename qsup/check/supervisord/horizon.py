"""Horizon's supervisors, as config/horizon.php lists them: what `php artisan horizon` listens to. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

TIMEOUT = 60
"""Seconds; what a supervisor has that names none."""
CONNECTION = "redis"
"""The only one that Horizon works on, under whatever name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One supervisor of one environment."""

    name: str
    """`production.supervisor-1`."""
    place: str
    """`config/horizon.php [production.supervisor-1]`."""
    queues: tuple[str, ...] = ()
    connection: str = CONNECTION
    timeout: int = TIMEOUT
    """Seconds of a job; 0 = without end."""
    why: str = ""
    """Not empty when its queues are not known: why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """The whole file."""

    file: str
    """As people are told."""
    usual: str
    """The application's own environment."""
    environments: tuple[tuple[str, tuple[Pool, ...]], ...]
    """Their names, which may hold `*`, in the order in which the first that fits is taken."""

    def pools(self, environment: str | None) -> tuple[Pool, ...]:
        """What runs in an environment (None: the application's own); empty when the file does not have it."""
        name = environment or self.usual
        return next((pools for pattern, pools in self.environments if _fits(pattern, name)), ())


def _fits(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name, re.DOTALL) is not None
