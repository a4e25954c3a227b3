"""Customers and what they bought: user and subscription. Every function works in its caller's transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

LETTERS = "abcdefghjkmnpqrstuvwxyz"
DIGITS = "23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One row of users. The password is never in a repr."""

    id: int
    phone: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One row of subscriptions."""

    id: int
    starts_at: datetime
    ends_at: datetime


def new_password() -> str:
    """Eight characters without look-alikes. It starts with a letter: an all-digit one is read back as a number."""
    return secrets.choice(LETTERS) + "".join(secrets.choice(LETTERS + DIGITS) for _ in range(7))


def lock_user(conn: psycopg.Connection[Any], phone: str) -> User:
    """The customer with this number, made if new, locked until the transaction ends.

    The lock is what puts two payments of one customer in a row; an existing password stays as it is.
    """
    # On any conflict: two first payments at once meet in the name as well as in the number.
    conn.execute(
        "INSERT INTO hotspot.users (phone, username, password) VALUES (%(phone)s, %(phone)s, %(password)s)"
        " ON CONFLICT DO NOTHING",
        {"phone": phone, "password": new_password()},
    )
    row = conn.execute(
        "SELECT id, phone, username FROM hotspot.users WHERE phone = %(phone)s FOR UPDATE", {"phone": phone}
    ).fetchone()
    if row is None:
        raise LookupError("the user row was neither inserted nor found")
    return User(id=row[0], phone=row[1], username=row[2])


def subscribe(
    conn: psycopg.Connection[Any], user: User, package_id: int, payment_id: int, router_id: int | None
) -> Subscription:
    """Add the time that was paid for: from now, or from the end of what the customer has already.

    clock_timestamp and not now(): a transaction that waited for the user's lock began before the one it waited for.
    """
    row = conn.execute(
        "INSERT INTO hotspot.subscriptions (user_id, package_id, payment_id, router_id, starts_at, ends_at)"
        " SELECT %(user)s, p.id, %(payment)s, %(router)s, b.starts_at, b.starts_at + p.duration"
        " FROM hotspot.packages p CROSS JOIN ("
        "  SELECT greatest(clock_timestamp(), max(ends_at)) AS starts_at"
        "  FROM hotspot.subscriptions WHERE user_id = %(user)s AND state <> 'cancelled'"
        " ) b WHERE p.id = %(package)s RETURNING id, starts_at, ends_at",
        {"user": user.id, "payment": payment_id, "package": package_id, "router": router_id},
    ).fetchone()
    if row is None:
        raise LookupError(f"there is no package {package_id}")
    return Subscription(id=row[0], starts_at=row[1], ends_at=row[2])


def running_package(conn: psycopg.Connection[Any], user_id: int) -> int | None:
    """The package that the customer is using at this moment."""
    row = conn.execute(
        "SELECT package_id FROM hotspot.subscriptions WHERE user_id = %s AND state <> 'cancelled'"
        " AND tstzrange(starts_at, ends_at) @> clock_timestamp()",
        [user_id],
    ).fetchone()
    return int(row[0]) if row else None
