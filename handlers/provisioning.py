"""What a subscription means for the router, and what the router's answer means for our tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from handlers import admission


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The router of a subscription; `id` is None for the one that only the settings name."""

    id: int | None
    name: str | None
    address: str | None
    is_retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A customer as he should be on the router.

    `bought` and `bytes` are the sums of all that he bought there; `bytes` is None when his package has no limit.
    """

    subscription_id: int
    user_id: int
    is_over: bool
    username: str
    password: str = field(repr=False)
    package: str
    authority: str
    rate_limit: str
    shared_users: int
    idle_timeout: timedelta | None
    bought: timedelta
    bytes: int | None


def place_of(conn: psycopg.Connection[Any], subscription_id: int) -> Place | None:
    """Where a subscription is used; None: there is no such subscription."""
    row = conn.execute(
        "SELECT r.id, r.name, r.address, r.retired_at IS NOT NULL FROM hotspot.subscriptions s"
        " LEFT JOIN hotspot.routers r ON r.id = s.router_id WHERE s.id = %s",
        [subscription_id],
    ).fetchone()
    return Place(id=row[0], name=row[1], address=row[2], is_retired=row[3]) if row else None


def load(conn: psycopg.Connection[Any], subscription_id: int, common: str | None = None) -> Order | None:
    """The order of a subscription: with the package that runs now, or the one of this subscription if none does.

    A router counts for itself, so the sums are of what was bought for this router. `common`: the address of the
    settings' router, where a subscription without a router belongs.
    """
    row = conn.execute(
        "WITH common AS (SELECT max(id) AS id FROM hotspot.routers WHERE address = %(common)s), bought AS ("
        "  SELECT sum(a.ends_at - a.starts_at) AS time, sum(b.data_limit) AS bytes"
        "  FROM hotspot.subscriptions mine CROSS JOIN common"
        "  JOIN hotspot.subscriptions a ON a.user_id = mine.user_id AND a.state <> 'cancelled'"
        "   AND coalesce(a.router_id, common.id, 0) = coalesce(mine.router_id, common.id, 0)"
        "  JOIN hotspot.packages b ON b.id = a.package_id AND b.authority = 'router'"
        "  WHERE mine.id = %(id)s"
        " )"
        " SELECT s.id, u.id, s.state <> 'active' OR s.ends_at <= now(), u.username, u.password, p.code, p.authority,"
        "  p.rate_limit, p.shared_users, p.idle_timeout, bought.time,"
        "  CASE WHEN p.data_limit IS NOT NULL THEN bought.bytes::bigint END"
        " FROM hotspot.subscriptions s CROSS JOIN bought JOIN hotspot.users u ON u.id = s.user_id"
        " JOIN hotspot.packages p ON p.id = coalesce((SELECT r.package_id FROM hotspot.subscriptions r"
        "   WHERE r.user_id = u.id AND r.state <> 'cancelled' AND tstzrange(r.starts_at, r.ends_at) @> now()),"
        "   s.package_id)"
        " WHERE s.id = %(id)s",
        {"id": subscription_id, "common": common},
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
        authority=row[6],
        rate_limit=row[7],
        shared_users=row[8],
        idle_timeout=row[9],
        bought=row[10] or timedelta(),
        bytes=row[11],
    )


def finish(conn: psycopg.Connection[Any], order: Order) -> bool:
    """Note that the customer is on the router; True when he is still to be told by SMS."""
    admission.write_radius(conn, order.user_id)
    conn.execute(
        "UPDATE hotspot.subscriptions SET provisioned_at = coalesce(provisioned_at, clock_timestamp()), problem = NULL"
        " WHERE id = %s",
        [order.subscription_id],
    )
    return is_to_be_told(conn, order.subscription_id)


def is_to_be_told(conn: psycopg.Connection[Any], subscription_id: int) -> bool:
    """Whether nobody has begun to send this customer his SMS."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM hotspot.sms_outbox WHERE subscription_id = %s AND state = 'pending')",
        [subscription_id],
    ).fetchone()
    return bool(row and row[0])


def note_problem(conn: psycopg.Connection[Any], subscription_id: int, problem: str) -> None:
    """Write why this customer is not on the router."""
    conn.execute("UPDATE hotspot.subscriptions SET problem = %s WHERE id = %s", [problem[:500], subscription_id])


def note_router(
    conn: psycopg.Connection[Any],
    address: str,
    *,
    online: bool,
    problem: str | None = None,
    detail: str | None = None,
    router_id: int | None = None,
) -> None:
    """Write what we saw of a router: does it answer (`online`), and what does it refuse (`problem`), if anything.

    Found by its id; without one by the address, as the settings' router, which gets its row here. Silence is not told
    here: how much of it makes a router offline is CheckRoutersJob's to judge.
    """
    if router_id is None:
        conn.execute("INSERT INTO hotspot.routers (address) VALUES (%s) ON CONFLICT DO NOTHING", [address])
    if not online:
        return
    conn.execute(
        "UPDATE hotspot.routers SET reach = 'online', reach_at = clock_timestamp(), misses = 0, missed_at = NULL,"
        " reach_detail = NULL, problem = %(problem)s, problem_detail = %(detail)s,"
        " problem_at = CASE WHEN %(problem)s::text IS NOT NULL THEN now() END"
        " WHERE id = %(id)s OR %(id)s::bigint IS NULL AND address = %(address)s",
        {"id": router_id, "address": address, "problem": problem, "detail": detail[:500] if detail else None},
    )
