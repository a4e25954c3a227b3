"""The project's side in the database: what was ordered, and what came of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.chaos.orders import Order

TABLES = (
    "CREATE TABLE public.placed (batch int PRIMARY KEY)",
    "CREATE TABLE public.effects (n int NOT NULL, job bigint NOT NULL, claim int NOT NULL)",
    "CREATE TABLE public.notes (n int NOT NULL, job bigint NOT NULL, claim int NOT NULL)",
)
CONNECTIONS = """
    SELECT application_name, count(*)::int FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database() AND application_name <> 'chaos' GROUP BY 1
"""
"""Without our own, by their name: the one that looked before this may not be gone yet."""
LEFT = """
    SELECT id, queue, type, state, step, attempts, crashes, claim_number, reserved_by, payload::text,
           (lease_until - clock_timestamp())::text, (available_at - clock_timestamp())::text
    FROM qsup.jobs ORDER BY id LIMIT 20
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the database says in the end."""

    effects: Counter[int]
    notes: Counter[int]
    failed: Counter[int]
    causes: Counter[str]
    events: Counter[str]
    left: list[str] = field(default_factory=list)


class Ledger:
    """Dispatches batches, each exactly once however often it is tried, and counts."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._waiting: list[tuple[int, Sequence[Order]]] = []
        self._batches = 0

    def open(self) -> None:
        """Make the tables."""
        with self._connect() as conn:
            for statement in TABLES:
                conn.execute(statement.encode())

    def add(self, orders: Sequence[Order]) -> None:
        """Orders to be dispatched as soon as the database can be reached."""
        self._batches += 1
        self._waiting.append((self._batches, orders))

    def send(self) -> bool:
        """Dispatch what is waiting; true when nothing is."""
        try:
            while self._waiting:
                self._place(*self._waiting[0])
                self._waiting.pop(0)
        except psycopg.Error:
            return False
        return True

    def unfinished(self) -> int | None:
        """How many rows are left; None when the database does not say."""
        try:
            with self._connect() as conn:
                row = conn.execute("SELECT count(*) FROM qsup.jobs").fetchone()
        except psycopg.Error:
            return None
        return int(row[0]) if row else None

    def connections(self) -> Counter[str]:
        """Application name → number."""
        try:
            with self._connect() as conn:
                return Counter(dict(conn.execute(CONNECTIONS.encode()).fetchall()))
        except psycopg.Error as error:
            return Counter({f"nobody could look: {error}": 1})

    def counts(self) -> Counts:
        """Everything."""
        with self._connect() as conn:
            return Counts(
                effects=_by(conn, "SELECT n, count(*)::int FROM public.effects GROUP BY 1"),
                notes=_by(conn, "SELECT n, count(*)::int FROM public.notes GROUP BY 1"),
                failed=_by(conn, "SELECT (payload ->> 'n')::int, count(*)::int FROM qsup.failed_jobs GROUP BY 1"),
                causes=_by(conn, "SELECT cause, count(*)::int FROM qsup.failed_jobs GROUP BY 1"),
                events=_by(conn, "SELECT kind, count(*)::int FROM qsup.job_events GROUP BY 1"),
                left=[", ".join(map(str, row)) for row in conn.execute(LEFT.encode()).fetchall()],
            )

    def _place(self, batch: int, orders: Sequence[Order]) -> None:
        # The answer to COMMIT may be lost: the batch's own row says whether it went in.
        payloads = [json.dumps({"n": one.n, "does": one.does, "child": one.child}) for one in orders]
        with self._connect() as conn, conn.transaction():
            row = conn.execute(
                "INSERT INTO public.placed VALUES (%s) ON CONFLICT DO NOTHING RETURNING batch", (batch,)
            ).fetchone()
            if row is not None:
                conn.execute(
                    "SELECT qsup.dispatch_many(%s::text[], %s::jsonb[])", ([one.job for one in orders], payloads)
                )

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.dsn, autocommit=True, connect_timeout=2, application_name="chaos", options="-c statement_timeout=20s"
        )


def _by(conn: psycopg.Connection[Any], query: str) -> Counter[Any]:
    return Counter(dict(conn.execute(query.encode()).fetchall()))
