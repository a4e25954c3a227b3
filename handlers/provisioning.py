"""What a subscription means for the router, and what the router's answer means for our tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from handlers import customers


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A customer as he should be on the router. `bought` is the time of all his subscriptions together."""

    subscription_id: int
    user_id: int
    is_over: bool
    username: str
    password: str = field(repr=False)
    package: str
    rate_limit: str
    shared_users: int
    bought: timedelta


def load(conn: psycopg.Connection[Any], subscription_id: int) -> Order | None:
    """The order of a subscription: with the package that runs now, or the one of this subscription if none does."""
    row = conn.execute(
        "SELECT s.id, u.id, s.state <> 'active' OR s.ends_at <= now(), u.username, u.password,"
        " p.code, p.rate_limit, p.shared_users,"
        " (SELECT sum(b.duration) FROM hotspot.subscriptions a JOIN hotspot.packages b ON b.id = a.package_id"
        "   WHERE a.user_id = u.id AND a.state <> 'cancelled')"
        " FROM hotspot.subscriptions s JOIN hotspot.users u ON u.id = s.user_id"
        " JOIN hotspot.packages p ON p.id = coalesce((SELECT r.package_id FROM hotspot.subscriptions r"
        "   WHERE r.user_id = u.id AND r.state <> 'cancelled' AND tstzrange(r.starts_at, r.ends_at) @> now()),"
        "   s.package_id)"
        " WHERE s.id = %s",
        [subscription_id],
    ).fetchone()
    if row is None:
        return None
    return Order(
        subscription_id=row[0],
        user_id=row[1],
        is_over=row[2],
        username=row[3],
        password=row[4],
        package=row[5],
        rate_limit=row[6],
        shared_users=row[7],
        bought=row[8] or timedelta(),
    )


def finish(conn: psycopg.Connection[Any], order: Order) -> bool:
    """Note that the customer is on the router; True when he is still to be told by SMS."""
    conn.execute(
        "UPDATE hotspot.subscriptions SET provisioned_at = coalesce(provisioned_at, clock_timestamp()) WHERE id = %s",
        [order.subscription_id],
    )
    customers.write_radius_group(conn, order.user_id)
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM hotspot.sms_outbox WHERE subscription_id = %s AND state = 'pending')",
        [order.subscription_id],
    ).fetchone()
    return bool(row and row[0])


def note_router(
    conn: psycopg.Connection[Any], address: str, *, online: bool, problem: str | None = None, detail: str | None = None
) -> None:
    """Write what we saw of a router: does it answer (`online`), and what does it refuse (`problem`), if anything."""
    conn.execute(
        "INSERT INTO hotspot.routers (address, reach, reach_at, problem, problem_detail, problem_at)"
        " VALUES (%(address)s, %(reach)s, now(), %(problem)s, %(detail)s,"
        "  CASE WHEN %(problem)s::text IS NOT NULL THEN now() END)"
        " ON CONFLICT (address) DO UPDATE SET reach = excluded.reach, reach_at = excluded.reach_at,"
        "  problem = excluded.problem, problem_detail = excluded.problem_detail, problem_at = excluded.problem_at",
        {
            "address": address,
            "reach": "online" if online else "offline",
            "problem": problem,
            "detail": detail[:500] if detail else None,
        },
    )
