"""Customers and what they bought: user, subscription, and their rows for FreeRADIUS and the SMS outbox."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

LETTERS = "abcdefghjkmnpqrstuvwxyz"
DIGITS = "23456789"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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


def subscribe(conn: psycopg.Connection[Any], user: User, package_id: int, payment_id: int) -> Subscription:
    """Add the time that was paid for: from now, or from the end of what the customer has already.

    clock_timestamp and not now(): a transaction that waited for the user's lock began before the one it waited for.
    """
    row = conn.execute(
        "INSERT INTO hotspot.subscriptions (user_id, package_id, payment_id, starts_at, ends_at)"
        " SELECT %(user)s, p.id, %(payment)s, b.starts_at, b.starts_at + p.duration"
        " FROM hotspot.packages p CROSS JOIN ("
        "  SELECT greatest(clock_timestamp(), max(ends_at)) AS starts_at"
        "  FROM hotspot.subscriptions WHERE user_id = %(user)s AND state <> 'cancelled'"
        " ) b WHERE p.id = %(package)s RETURNING id, starts_at, ends_at",
        {"user": user.id, "payment": payment_id, "package": package_id},
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


def radius_time(moment: datetime) -> str:
    """A time as FreeRADIUS's Expiration wants it, in UTC: `Nov 23 2026 12:00:00`. No locale has a say in the month."""
    utc = moment.astimezone(UTC)
    return f"{MONTHS[utc.month - 1]} {utc:%d} {utc.year} {utc:%H:%M:%S}"


def write_radius(conn: psycopg.Connection[Any], user: User, ends_at: datetime) -> None:
    """Let FreeRADIUS admit the customer until `ends_at`, with the speed of the package that runs now."""
    conn.execute(
        "INSERT INTO radius.radcheck (username, attribute, op, value)"
        " SELECT username, 'Cleartext-Password', ':=', password FROM hotspot.users WHERE id = %(user)s"
        " UNION ALL SELECT username, 'Expiration', ':=', %(expiration)s FROM hotspot.users WHERE id = %(user)s"
        " ON CONFLICT (username, attribute) DO UPDATE SET op = excluded.op, value = excluded.value",
        {"user": user.id, "expiration": radius_time(ends_at)},
    )
    write_radius_group(conn, user.id)


def write_radius_group(conn: psycopg.Connection[Any], user_id: int) -> None:
    """Put the customer into the group of the package that runs now (else of the next one), and keep that group's speed.

    The group's row is only written when it differs: an upsert would lock it, and all payments of a package would queue.
    """
    conn.execute(
        "WITH current AS ("
        "  SELECT u.username, p.code, p.rate_limit FROM hotspot.subscriptions s"
        "  JOIN hotspot.users u ON u.id = s.user_id JOIN hotspot.packages p ON p.id = s.package_id"
        "  WHERE s.user_id = %s AND s.state <> 'cancelled' AND s.ends_at > clock_timestamp()"
        "  ORDER BY s.starts_at LIMIT 1"
        "), speed AS ("
        "  INSERT INTO radius.radgroupreply (groupname, attribute, op, value)"
        "  SELECT code, 'Mikrotik-Rate-Limit', ':=', rate_limit FROM current"
        "  WHERE NOT EXISTS (SELECT FROM radius.radgroupreply r WHERE r.groupname = current.code"
        "    AND r.attribute = 'Mikrotik-Rate-Limit' AND r.value = current.rate_limit)"
        "  ON CONFLICT (groupname, attribute) DO UPDATE SET op = excluded.op, value = excluded.value"
        ")"
        " INSERT INTO radius.radusergroup (username, groupname, priority) SELECT username, code, 1 FROM current"
        " ON CONFLICT (username) DO UPDATE SET groupname = excluded.groupname",
        [user_id],
    )
