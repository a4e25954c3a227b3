"""What the house works for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from qsup.orders import Order
from qsup.routing import Routing


@dataclass(slots=True)
class Duty:
    """What the house must know; replaced as a whole at every configuration."""

    supervisor: str
    routing: Routing
    generation: int
    config_file: str
    listens: Callable[[], list[str]]
    alive: Callable[[], bool]
    """Whether the supervisor's loop turns: a heartbeat for a hanging one would keep its jobs from being rescued."""
    obey: Callable[[Order], None] = lambda _order: None
    """Who carries out operators' commands: the supervisor, or the solo parent."""
    turned_at: Callable[[], float] = time.monotonic
    """When the claim loop last turned (time.monotonic)."""
    solo: bool = False
    """It fills one slot, whatever number of workers the file says."""
