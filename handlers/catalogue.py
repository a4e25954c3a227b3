"""What can be bought, and by whom, when a payment came without a request of ours. In the caller's transaction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import tuple_row


def is_known_phone(conn: psycopg.Connection[Any], phone: str) -> bool:
    """Whether this is a customer, or somebody whom we once asked to pay: a mistyped account is neither."""
    row = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            "SELECT EXISTS (SELECT FROM hotspot.users WHERE phone = %(phone)s)"
            " OR EXISTS (SELECT FROM hotspot.stk_requests WHERE phone = %(phone)s)",
            {"phone": phone},
        )
        .fetchone()
    )
    return bool(row and row[0])


def package_for(conn: psycopg.Connection[Any], amount: Decimal) -> int | None:
    """The best package that this much money buys; None: too little for any."""
    row = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            "SELECT id FROM hotspot.packages WHERE active AND price <= %s ORDER BY price DESC, id LIMIT 1", [amount]
        )
        .fetchone()
    )
    return int(row[0]) if row else None


def router_for(conn: psycopg.Connection[Any], phone: str) -> int | None:
    """Where this customer asked to use what he buys the last time; None: the router of the settings."""
    row = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            "SELECT router_id FROM hotspot.stk_requests WHERE phone = %s AND router_id IS NOT NULL"
            " ORDER BY created_at DESC, checkout_request_id LIMIT 1",
            [phone],
        )
        .fetchone()
    )
    return row[0] if row else None
