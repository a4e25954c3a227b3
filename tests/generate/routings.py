"""Routings for the generators' tests: the hotspot's ten queues, as the table of the incident's report lists them."""

from __future__ import annotations

from typing import Any

from qsup.routing import Queue, Route, Routing

HOTSPOT = [
    # name, workers, priority, sleep, tries, timeout, purpose
    ("default", 1, 5, 5.0, 3, 90.0, "General purpose jobs"),
    ("payments", 2, 5, 1.0, 3, 120.0, "Payment processing (M-Pesa)"),
    ("provisioning", 3, 10, 1.0, 5, 60.0, "User provisioning to MikroTik"),
    ("router-checks", 1, 10, 2.0, 3, 120.0, "Router health monitoring"),
    ("router-data", 4, 20, 1.0, 3, 60.0, "Router data synchronization"),
    ("hotspot-sms", 2, 5, 1.0, 3, 30.0, "SMS credential delivery"),
    ("hotspot-sessions", 2, 10, 2.0, 3, 60.0, "Session management"),
    ("hotspot-accounting", 1, 15, 5.0, 2, 120.0, "RADIUS accounting sync"),
    ("dashboard", 1, 15, 2.0, 3, 120.0, "Dashboard statistics"),
    ("log-rotation", 1, 30, 30.0, 1, 30.0, "Log file rotation"),
    ("router-provisioning", 3, 10, 2.0, 5, 600.0, "Router configuration deployment"),
]


def queue(name: str, **changes: Any) -> Queue:
    """A queue with the file's defaults and `changes`."""
    settings: dict[str, Any] = {
        "workers": 1, "workers_of": None, "priority": 10, "sleep": 3.0, "tries": 3, "timeout": 60.0,
        "backoff": (5.0, 15.0, 60.0), "jitter": 0.1, "memory": 128 * 1024**2, "max_time": 3600.0, "max_jobs": 0,
        "grace": 10.0, "max_crashes": 3, "prefetch": None, "keep": 0.0, "start": "fork", "purpose": "",
    }  # fmt: skip
    return Queue(name=name, **(settings | changes))


def routing(*queues: Queue, routes: tuple[Route, ...] = (), database: str | None = None) -> Routing:
    """A Routing of these queues."""
    return Routing(
        queues={one.name: one for one in queues},
        routes={route.job: route for route in routes},
        payload_limit=1_000_000,
        database=database,
        code=(),
    )


def hotspot() -> Routing:
    """Eleven queues, 21 workers, and `low`, which default's worker serves."""
    queues = [
        queue(name, workers=workers, priority=priority, sleep=sleep, tries=tries, timeout=timeout, purpose=purpose)
        for name, workers, priority, sleep, tries, timeout, purpose in HOTSPOT
    ]
    return routing(*queues, queue("low", workers=0, workers_of="default"))
