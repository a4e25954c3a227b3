"""What the database holds against what queues.yaml serves. Reads only, over a connection that the caller opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qsup.check.problem import Problem, counted, nearest
from qsup.routing import Routing

WAITING = "SELECT queue, type, count(*) FROM qsup.jobs GROUP BY queue, type ORDER BY queue, type"
FAILED = """
    SELECT f.queue, f.type, count(*) FROM qsup.failed_jobs AS f JOIN qsup.laravel_failed_jobs AS kept USING (id)
    GROUP BY f.queue, f.type ORDER BY f.queue, f.type
"""
"""By way of the view, which leaves out what is discarded, also on a schema that does not know discarding yet."""
QUEUES = "SELECT name FROM qsup.queues WHERE retired_at IS NULL ORDER BY name"
JOB_TYPES = "SELECT name, queue FROM qsup.job_types WHERE retired_at IS NULL ORDER BY name"
TABLES = """
    SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'qsup' AND c.relname IN ('jobs', 'failed_jobs', 'laravel_failed_jobs', 'queues', 'job_types')
"""

Row = tuple[Any, ...]


def check(routing: Routing, connection: Any) -> list[Problem]:
    """Rows that nobody would run, and declarations that differ. `connection` is a psycopg Connection."""
    readable = [row[0] for row in read(connection, TABLES)]
    if len(readable) < 5:
        message = "this database has no qsup tables yet"
        return [Problem(code="Q307", severity="warning", message=message, hint="`qsup migrate` makes them")]
    if not all(readable):
        message = "this role may not read qsup's tables, so the rows were not looked at"
        return [Problem(code="Q308", message=message, hint="use the role of `qsup run`, or grant it SELECT")]
    return [
        *_waiting(routing, read(connection, WAITING)),
        *_failed(routing, read(connection, FAILED)),
        *_declared(routing, read(connection, QUEUES), read(connection, JOB_TYPES)),
    ]


def stranded(routing: Routing, connection: Any) -> list[Problem]:
    """Only the waiting rows that nobody would run."""
    return list(_waiting(routing, read(connection, WAITING)))


def read(connection: Any, statement: str) -> list[Row]:
    """The rows as tuples, whatever the connection's row factory makes of them."""
    rows = connection.execute(statement).fetchall()
    return [tuple(row.values()) if isinstance(row, dict) else tuple(row) for row in rows]


def _served(routing: Routing, queue: str) -> bool:
    return queue in routing.queues and routing.server(queue) is not None


def _waiting(routing: Routing, rows: list[Row]) -> Iterator[Problem]:
    served = [name for name in routing.queues if routing.server(name)]
    for queue, job, number in rows:
        if not _served(routing, queue):
            message = f"queue {queue} holds {counted(number, 'job')} of {job}, but no worker of this file serves it"
            hint = nearest(queue, served) or "declare the queue with workers"
            yield Problem(code="Q301", message=message, hint=hint, queue=queue, job=job)
        elif job not in routing.routes:
            message = f"queue {queue} holds {counted(number, 'job')} of {job}, but `jobs:` has no {job}"
            hint = nearest(job, routing.routes) or "add it to `jobs:`"
            yield Problem(code="Q302", message=message, hint=hint, queue=queue, job=job)


def _failed(routing: Routing, rows: list[Row]) -> Iterator[Problem]:
    for queue, job, number in rows:
        if not _served(routing, queue) or job not in routing.routes:
            message = f"{counted(number, 'failed job')} of {job} (queue {queue}) could not be tried again by this file"
            yield Problem(code="Q303", severity="warning", message=message, queue=queue, job=job)


def _declared(routing: Routing, queues: list[Row], types: list[Row]) -> Iterator[Problem]:
    names = {name for (name,) in queues}
    routed: dict[str, str] = {row[0]: row[1] for row in types}
    for name in sorted(names - set(routing.queues)):
        message = f"queue {name} is declared in the database, but not in this file: applying the file retires it"
        hint = nearest(name, routing.queues)
        yield Problem(code="Q304", severity="warning", message=message, hint=hint, queue=name)
    for job in sorted(set(routed) - set(routing.routes)):
        message = f"job {job} is declared in the database, but not in this file: applying the file retires it"
        hint = nearest(job, routing.routes)
        yield Problem(code="Q305", severity="warning", message=message, hint=hint, job=job, queue=routed[job])
    yield from _not_applied(routing, names, routed)


def _not_applied(routing: Routing, names: set[str], routed: dict[str, str]) -> Iterator[Problem]:
    hint = "`qsup run` or `qsup apply` does it"
    for name in routing.queues:
        if name not in names:
            message = f"queue {name} is not declared in the database yet"
            yield Problem(code="Q306", severity="info", message=message, hint=hint, queue=name)
    for job, route in routing.routes.items():
        if routed.get(job) != route.queue:
            message = f"job {job} is not declared for queue {route.queue} in the database yet"
            yield Problem(code="Q306", severity="info", message=message, hint=hint, queue=route.queue, job=job)
