"""The rows of a Laravel database queue against what is heard. Reads only, over a connection that the caller opened.

The payload is never cast to json in SQL: one job whose class has a private property holds \\u0000, and PostgreSQL
refuses the whole query for it (measured: 8 of 23 rows).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from qsup.check.problem import Problem, counted, nearest
from qsup.check.rows import read
from qsup.routing import Routing

TABLES = """
    SELECT n.nspname, c.relname,
        CASE WHEN bool_or(a.attname = 'exception') THEN 'failed' ELSE 'jobs' END,
        has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('qsup', 'pg_catalog', 'information_schema') AND a.attnum > 0
        AND NOT a.attisdropped
    GROUP BY n.oid, n.nspname, c.oid, c.relname
    HAVING array_agg(a.attname::text) @> '{id,queue,payload,attempts,reserved_at,available_at,created_at}'
        OR array_agg(a.attname::text) @> '{id,connection,queue,payload,exception,failed_at}'
    ORDER BY 1, 2
"""
"""By their columns: an application may call its tables what it likes."""
NAME = """substring(payload from '"displayName": *"([^"]*)"')"""
JOBS = """
    SELECT queue, {name}, CASE WHEN reserved_at IS NOT NULL THEN 'reserved'
        WHEN available_at > extract(epoch FROM clock_timestamp()) THEN 'delayed' ELSE 'waiting' END, count(*)
    FROM {table} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
FAILED = "SELECT queue, {name}, 'failed', count(*) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2"
STATES = ("waiting", "delayed", "reserved", "failed")

Counts = dict[tuple[str, str], dict[str, int]]


def check(routing: Routing | None, heard: Collection[str], connection: Any) -> list[Problem]:
    """What waits, runs or has failed in Laravel's tables and nobody hears. `heard`: the queues that anybody serves.

    `routing`: the file, whose `jobs:` must have the classes; None where there is no file.
    """
    found: list[Problem] = []
    tables = read(connection, TABLES)
    if routing is None and not tables:
        message = "this database has no table of Laravel's queue, so no rows were looked at"
        found.append(Problem(code="Q314", severity="warning", message=message, hint="name another one with --database"))
    for schema, table, kind, readable in tables:
        name = f"{schema}.{table}"
        if not readable:
            message = f"this role may not read {name}, a table of Laravel's queue, so its rows were not looked at"
            found.append(Problem(code="Q308", message=message, hint="grant it SELECT"))
            continue
        statement = JOBS if kind == "jobs" else FAILED
        rows = read(connection, statement.format(name=NAME, table=_quoted(schema, table)))
        found += judge(name, routing, heard, _counts(rows))
    return found


def judge(table: str, routing: Routing | None, heard: Collection[str], rows: Counts) -> Iterator[Problem]:
    """The findings of one table. Pure."""
    for (queue, job), states in rows.items():
        is_failed = "failed" in states
        what = f"{table}: {_told(states)} of {job or 'unknown classes'} in queue {queue}"
        about: dict[str, Any] = {"queue": queue, "job": _short(job) or None}
        if queue not in heard:
            hint = nearest(queue, heard) or "declare the queue, or let a worker listen to it"
            code = "Q313" if is_failed else "Q311"
            verb = "could not be tried again: nobody hears it" if is_failed else "and nobody hears it"
            yield Problem(
                code=code, severity="warning" if is_failed else "error", message=f"{what}, {verb}", hint=hint, **about
            )
        elif routing is not None and job and _short(job) not in routing.routes:
            hint = nearest(_short(job), routing.routes) or "add it to `jobs:`, or let Laravel run it"
            message = f"{what}, but `jobs:` has no {_short(job)}"
            yield Problem(code="Q312", severity="warning", message=message, hint=hint, **about)


def _counts(rows: list[tuple[Any, ...]]) -> Counts:
    counts: Counts = {}
    for queue, name, state, number in rows:
        states = counts.setdefault((str(queue), _unescaped(name or "")), {})
        states[state] = states.get(state, 0) + int(number)
    return counts


def _told(states: Mapping[str, int]) -> str:
    """`3 waiting, 1 delayed jobs`."""
    parts = [f"{states[state]:,} {state}" for state in STATES if state in states]
    return f"{', '.join(parts)} {counted(sum(states.values()), 'job').split()[1]}"


def _unescaped(name: str) -> str:
    r"""A class as PHP knows it: JSON writes `App\\Jobs\\Pay`."""
    try:
        return str(json.loads(f'"{name}"'))
    except ValueError:
        return name


def _short(job: str) -> str:
    """The class without its namespace; a listener's or closure's name as it is."""
    return job.rpartition("\\")[2]


def _quoted(schema: str, table: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))
