"""Writing what a file declares into the database: `qsup.queues` and `qsup.job_types`.

Adds at once. What this file does not declare any more is retired when no other live supervisor declares it, and removed
when besides no row uses it: jobs that wait in a retired queue are still served or moved, never lost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, errors

from qsup import sql
from qsup.literals import numbers
from qsup.migrate import LOCK
from qsup.routing import Queue, Routing
from qsup.storable import clean


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply took out of the declared world."""

    retired_queues: tuple[str, ...]
    retired_types: tuple[str, ...]


def declares(routing: Routing, *, solo: bool = False) -> dict[str, dict[str, Any]]:
    """What this file declares, as it stands in qsup.supervisors: queue → workers, job class → queue, queue → slots
    that this supervisor fills (a solo worker answers for its own process only), and queue → all queues that its workers
    serve, in their order, where these are several."""
    return {
        "queues": {name: workers(routing, name) for name in routing.queues},
        "jobs": {name: route.queue for name, route in routing.routes.items()},
        "slots": {} if solo else {name: queue.workers for name, queue in routing.queues.items()},
        "pools": {name: list(pool) for name in routing.queues if len(pool := routing.pool(name)) > 1},
    }


def workers(routing: Routing, queue: str) -> int:
    """How many workers hear a queue: its own, or those of the queue that serves it."""
    server = routing.server(queue)
    return routing.queues[server].workers if server else 0


def apply(conn: Connection[Any], routing: Routing, supervisor: str) -> Applied:
    """Make the declared queues and job classes those of `routing`, in one transaction. The caller's is not joined."""
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        _declare(conn, routing)
        known = {"supervisor": supervisor}
        types = _names(conn, "retire_types", known | {"names": list(routing.routes)})
        queues = _names(conn, "retire_queues", known | {"names": list(routing.queues)})
    forget(conn)
    return Applied(queues, types)


def forget(conn: Connection[Any]) -> None:
    """Remove what is retired and unused; a row that is being dispatched at this moment keeps it for the next time."""
    for statement in ("forget_types", "forget_queues"):
        try:
            conn.execute(sql.text(statement))
        except errors.ForeignKeyViolation:
            continue


def _declare(conn: Connection[Any], routing: Routing) -> None:
    names = list(routing.queues)
    listening = numbers(workers(routing, name) for name in names)
    keeps = [queue.keep for queue in routing.queues.values()]
    settings = [json.dumps(_settings(conn, queue)) for queue in routing.queues.values()]
    conn.execute(
        sql.text("declare_queues"), {"names": names, "workers": listening, "keeps": keeps, "settings": settings}
    )
    routes = list(routing.routes.values())
    values = {
        "names": [route.job for route in routes], "queues": [route.queue for route in routes],
        "hooks": [route.failed is not None for route in routes], "payload_limit": routing.payload_limit,
    }  # fmt: skip
    conn.execute(sql.text("declare_types"), values)


def _settings(conn: Connection[Any], queue: Queue) -> dict[str, int | float | str]:
    """What the views show of a queue besides its workers. A purpose is for people: it must never stop an apply."""
    purpose = clean(queue.purpose)
    if conn.info.parameter_status("server_encoding") != "UTF8":
        purpose = purpose.encode("ascii", "replace").decode()
    return {
        "priority": queue.priority, "sleep": queue.sleep, "tries": queue.tries, "timeout": queue.timeout,
        "purpose": purpose,
    }  # fmt: skip


def _names(conn: Connection[Any], statement: str, values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[0] for row in conn.execute(sql.text(statement), values).fetchall())
