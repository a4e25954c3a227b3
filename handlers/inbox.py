"""The M-Pesa inbox: every delivery is stored as it came, before anything is made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import tuple_row

FINAL = frozenset({"paid", "already-paid", "failed", "underpaid", "malformed"})
"""Outcomes after which a repeated job has nothing to do; an unmatched delivery may match when it is looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row of mpesa_inbox."""

    id: int
    kind: str
    body: str
    received_at: datetime
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a delivery came to. `may_still_match`: the request that it belongs to may only not be committed yet."""

    outcome: str
    failure: str | None = None
    note: str | None = None
    payment_id: int | None = None
    may_still_match: bool = False


def store(conn: psycopg.Connection[Any], kind: str, payload: bytes | str | Mapping[str, Any]) -> int:
    """Keep a delivery; returns its id. Any bytes can be kept: what is not UTF-8 text is written with escapes."""
    body = as_text(payload)
    digest = hashlib.sha256(f"{kind}\n{body}".encode()).hexdigest()
    # The connection is a web application's: its rows may be dicts.
    row = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            "INSERT INTO hotspot.mpesa_inbox (kind, body, dedupe_key) VALUES (%s, %s, %s) RETURNING id",
            [kind, body, digest],
        )
        .fetchone()
    )
    return int(row[0]) if row else 0


def lock(conn: psycopg.Connection[Any], delivery_id: int) -> Delivery | None:
    """The delivery, locked until the transaction ends; None when there is no such row."""
    row = conn.execute(
        "SELECT id, kind, body, received_at, outcome FROM hotspot.mpesa_inbox WHERE id = %s FOR UPDATE", [delivery_id]
    ).fetchone()
    if row is None:
        return None
    return Delivery(id=row[0], kind=row[1], body=row[2], received_at=row[3], outcome=row[4])


def record(conn: psycopg.Connection[Any], delivery: Delivery, verdict: Verdict) -> None:
    """Write down what the delivery came to."""
    conn.execute(
        "UPDATE hotspot.mpesa_inbox SET outcome = %s, failure = %s, note = %s, payment_id = %s,"
        " processed_at = clock_timestamp() WHERE id = %s",
        [verdict.outcome, verdict.failure, verdict.note, verdict.payment_id, delivery.id],
    )


def as_text(payload: bytes | str | Mapping[str, Any]) -> str:
    """A delivery as text that PostgreSQL can hold: NUL and what is not UTF-8 are escaped."""
    if isinstance(payload, Mapping):
        return json.dumps(payload, separators=(",", ":"))
    raw = payload.encode("utf-8", "backslashreplace") if isinstance(payload, str) else bytes(payload)
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
