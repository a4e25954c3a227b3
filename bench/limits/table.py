"""The table of the raw limits, and its statements: the usual queue table, claimed with SKIP LOCKED."""

from __future__ import annotations

from typing import Any

import psycopg

from bench.arena import Arena
from bench.contestant import OnPostgres, chunks

SCHEMA = """
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL DEFAULT 'default',
    priority smallint NOT NULL DEFAULT 0,
    state smallint NOT NULL DEFAULT 0,
    available_at timestamptz NOT NULL DEFAULT now(),
    attempts smallint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    worker int,
    payload jsonb NOT NULL
);
CREATE INDEX jobs_ready ON jobs (queue, priority, available_at, id) WHERE state = 0;
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE state = 1;
"""
INSERT = "INSERT INTO jobs (payload) VALUES (%s::jsonb)"
FILL = """
INSERT INTO jobs (payload, available_at)
SELECT jsonb_build_object('i', g), now() + %s::interval FROM generate_series(%s::bigint, %s::bigint) AS g
"""
TAKE = """
UPDATE jobs SET state = 1, attempts = attempts + 1, lease_until = now() + interval '60 s', worker = %(worker)s
WHERE id = ANY (ARRAY(
    SELECT id FROM jobs WHERE queue = 'default' AND state = 0 AND available_at <= now()
    ORDER BY priority, available_at, id LIMIT %(count)s FOR UPDATE SKIP LOCKED))
RETURNING id, payload::text
"""
END = "DELETE FROM jobs WHERE id = ANY (%(done)s::bigint[]) AND worker = %(worker)s AND state = 1"
END_AND_TAKE = f"WITH ended AS ({END}) {TAKE}"


class Bare(OnPostgres):
    """What the raw limits have in common: their table."""

    kind = "bare"
    producer = "bare"
    WITHOUT_VACUUM = "ALTER TABLE jobs SET (autovacuum_enabled = off)"

    def schema(self, dsn: str) -> None:
        """One table, two indexes."""
        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute(SCHEMA)

    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """Rows."""
        for rows, first, delay in ((later, 10**9, "1 day"), (ready, 0, "0")):
            for begin, end in chunks(rows, first):
                conn.execute(FILL, [delay, begin, end])

    def churn(self, conn: psycopg.Connection[Any], jobs: int) -> None:
        """By its own statements."""
        for first in range(0, jobs, 1000):
            conn.execute(FILL, ["0", first, first + 999])
            taken = conn.execute(TAKE, {"worker": 1, "count": 1000}).fetchall()
            conn.execute(END, {"done": [row[0] for row in taken], "worker": 1})


class Dispatcher(Bare):
    """One process with one connection; its workers have none."""

    pace = 14_000

    def __init__(self, arena: Arena, ahead: int = 0) -> None:
        super().__init__(arena)
        self.ahead = ahead
        self.name = "bare dispatcher, look-ahead" if ahead else "bare dispatcher"
        self.slug = f"bare_{ahead}"
        self.pace = 40_000 if ahead else 14_000

    def commands(self, workers: int) -> list[Any]:
        """See bench.limits.dispatcher."""
        return [self.arena.own("bench.limits.dispatcher", self.dsn, str(workers), str(self.ahead))]


class Fused(Bare):
    """Workers with their own connections, one statement a job."""

    name = "bare workers, own connections"
    slug = "bare_fused"
    pace = 8_000

    def commands(self, workers: int) -> list[Any]:
        """See bench.limits.fused."""
        return [self.arena.own("bench.limits.fused", self.dsn, str(workers))]


class Listener(Bare):
    """The floor of a pickup."""

    name = "bare LISTEN, claim, pipe"
    slug = "bare_listener"
    producer = "notifying"

    def commands(self, workers: int) -> list[Any]:
        """See bench.limits.listener."""
        return [self.arena.own("bench.limits.listener", self.dsn, str(workers))]
