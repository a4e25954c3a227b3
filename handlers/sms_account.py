"""What all workers share about the account at the SMS gateway: how fast it may be used, and whether it works at all.

One row. The bucket is a moment, `next_at`: each message moves it on by one gap; who finds it in the future waits.
"""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


def reserve(conn: Connection, rate: float, *, longest: float) -> float | None:
    """Take a place in the bucket: seconds until the message may go out, at most `longest`; None: no place was taken.

    `rate`: messages per second over all workers, 0 = as fast as they are; up to a second's worth may go at once.
    """
    gap = 1.0 / rate if rate > 0 else 0.0
    values = {"gap": gap, "burst": max(0.0, 1.0 - gap), "longest": longest}
    row = conn.execute(
        "INSERT INTO hotspot.sms_account AS a (next_at) VALUES"
        " (clock_timestamp() + make_interval(secs => %(gap)s - %(burst)s))"
        " ON CONFLICT (only_one) DO UPDATE SET next_at ="
        "  greatest(a.next_at, clock_timestamp() - make_interval(secs => %(burst)s)) + make_interval(secs => %(gap)s)"
        "  WHERE a.next_at <= clock_timestamp() + make_interval(secs => %(longest)s)"
        " RETURNING extract(epoch FROM next_at - clock_timestamp())::float8 - %(gap)s",
        values,
    ).fetchone()
    return max(0.0, row[0]) if row else None


def close_for(conn: Connection, seconds: float) -> None:
    """The gateway asked us to wait: nobody's message goes out before."""
    conn.execute(
        "INSERT INTO hotspot.sms_account AS a (next_at) VALUES (clock_timestamp() + make_interval(secs => %(s)s))"
        " ON CONFLICT (only_one) DO UPDATE SET next_at ="
        "  greatest(a.next_at, clock_timestamp() + make_interval(secs => %(s)s))",
        {"s": seconds},
    )


def seconds_to_wait(conn: Connection) -> float:
    """Until the bucket has a place again."""
    row = conn.execute(
        "SELECT extract(epoch FROM next_at - clock_timestamp())::float8 FROM hotspot.sms_account"
    ).fetchone()
    return max(0.0, row[0]) if row else 0.0


def is_parked(conn: Connection) -> bool:
    """Whether the account waits for a person."""
    row = conn.execute("SELECT EXISTS (SELECT FROM hotspot.sms_account WHERE parked_at IS NOT NULL)").fetchone()
    return bool(row and row[0])


def park(conn: Connection, reason: str) -> bool:
    """Keep all messages back; True for the first who says so."""
    changed = conn.execute(
        "INSERT INTO hotspot.sms_account AS a (parked_at, parked_because) VALUES (now(), %(reason)s)"
        " ON CONFLICT (only_one) DO UPDATE SET parked_at = now(), parked_because = %(reason)s"
        " WHERE a.parked_at IS NULL",
        {"reason": reason[:200]},
    )
    return changed.rowcount == 1


def unpark(conn: Connection) -> int:
    """Send what was parked; returns how many messages. An operator calls the same as `SELECT hotspot.unpark_sms()`."""
    row = conn.execute("SELECT hotspot.unpark_sms()").fetchone()
    return int(row[0]) if row else 0
