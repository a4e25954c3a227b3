"""CheckExpiredSessionsJob: subscriptions whose time is over end, and their customers are disconnected.

RADIUS refuses them by itself from that second on (`Expiration`); this is for those who are online. The end of a
subscription, the wish to disconnect and its job are one transaction.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg

import qsup
from handlers import admission, disconnects
from handlers.jobs import CheckExpiredSessionsJob

log = logging.getLogger(__name__)

BATCH = 200
"""Customers in one transaction."""
SECONDS_TO_END = 10.0
"""Kept back from the job's time limit; who is left over is the next job's."""


def check_expired(job: CheckExpiredSessionsJob, ctx: qsup.Context) -> None:  # noqa: ARG001  it has no fields
    """End what is over, batch by batch, until nothing is left or time is up."""
    until = time.monotonic() + max(1.0, ctx.timeout - SECONDS_TO_END)
    ended = leaving = 0
    with ctx.connect() as own:
        while time.monotonic() < until:
            users = end_batch(own)
            if not users:
                break
            ended, leaving = ended + len(users), leaving + sum(users.values())
    log.info("expiry: the time of %d customers is over, %d are to be disconnected", ended, leaving)


def end_batch(conn: psycopg.Connection[Any], *, batch: int = BATCH) -> dict[int, bool]:
    """End the subscriptions of some customers whose time is over; customer → whether he is to leave.

    The customer's row is locked first, as payments do: who is paying at this moment is passed over and looked at by the
    next job, and nobody is sent away a moment after he has bought more.
    """
    with conn.transaction():
        rows = conn.execute(
            "SELECT u.id FROM hotspot.users u WHERE EXISTS (SELECT FROM hotspot.subscriptions s WHERE s.user_id = u.id"
            "  AND s.state = 'active' AND s.ends_at <= now()) ORDER BY u.id LIMIT %s FOR UPDATE OF u SKIP LOCKED",
            [batch],
        ).fetchall()
        seen = {row[0]: _end(conn, row[0]) for row in rows}
    return {user_id: leaves for user_id, leaves in seen.items() if leaves is not None}


def _end(conn: psycopg.Connection[Any], user_id: int) -> bool | None:
    """End one customer's subscriptions that are over; True when none runs on, and he is to be disconnected.

    None: another job has ended them between our look and our lock.
    """
    rows = conn.execute(
        "UPDATE hotspot.subscriptions SET state = 'ended' WHERE user_id = %s AND state = 'active' AND ends_at <= now()"
        " RETURNING id, ends_at",
        [user_id],
    ).fetchall()
    if not rows:
        return None
    if disconnects.running_subscription(conn, user_id) is not None:
        admission.write_group(conn, user_id)
        return False
    last = max(rows, key=lambda row: row[1])[0]
    disconnects.request(conn, f"expired:{last}", user_id, reason="his time is over")
    return True
