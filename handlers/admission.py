"""The rows that FreeRADIUS reads: who may come in, until when, how fast, how much. In the caller's transaction.

What belongs to the person stands in radcheck and radreply, what belongs to the package in the group of its code. All
values are absolute, computed from what was bought: written twice they are the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def radius_time(moment: datetime) -> str:
    """A time as FreeRADIUS's Expiration wants it, in UTC: `Nov 23 2026 12:00:00`. No locale has a say in the month."""
    utc = moment.astimezone(UTC)
    return f"{MONTHS[utc.month - 1]} {utc:%d} {utc.year} {utc:%H:%M:%S}"


def write_radius(conn: Connection, user_id: int) -> None:
    """Let FreeRADIUS admit the customer as long as he has paid, with the limits of the package that runs now.

    It locks the customer: two that write at once could otherwise leave the earlier of two ends.
    """
    conn.execute("SELECT FROM hotspot.users WHERE id = %s FOR UPDATE", [user_id])
    row = conn.execute(
        "SELECT max(ends_at) FROM hotspot.subscriptions WHERE user_id = %s AND state <> 'cancelled'", [user_id]
    ).fetchone()
    if row is None or row[0] is None:
        return
    conn.execute(
        "INSERT INTO radius.radcheck (username, attribute, op, value)"
        " SELECT username, 'Cleartext-Password', ':=', password FROM hotspot.users WHERE id = %(user)s"
        " UNION ALL SELECT username, 'Expiration', ':=', %(expiration)s FROM hotspot.users WHERE id = %(user)s"
        " ON CONFLICT (username, attribute) DO UPDATE SET op = excluded.op, value = excluded.value",
        {"user": user_id, "expiration": radius_time(row[0])},
    )
    write_group(conn, user_id)
    write_data_limit(conn, user_id)


def write_group(conn: Connection, user_id: int) -> None:
    """Put the customer into the group of the package that runs now, else of the next one; keep that group right."""
    for place in ("radgroupreply", "radgroupcheck"):
        _write_differing(conn, place, user_id)
    conn.execute(
        "INSERT INTO radius.radusergroup (username, groupname, priority)"
        " SELECT username, code, 1 FROM hotspot.current_packages WHERE user_id = %s"
        " ON CONFLICT (username) DO UPDATE SET groupname = excluded.groupname",
        [user_id],
    )


def _write_differing(conn: Connection, place: str, user_id: int) -> None:
    """Only the rows that are missing or have another value: an upsert locks all, and payments would queue."""
    table, values = sql.Identifier("radius", place), {"user": user_id, "place": place}
    conn.execute(
        sql.SQL(
            "INSERT INTO {} AS r (groupname, attribute, op, value)"
            " SELECT code, attribute, ':=', value FROM hotspot.wanted_group_rows w"
            " WHERE user_id = %(user)s AND place = %(place)s AND value IS NOT NULL AND NOT EXISTS (SELECT FROM {} t"
            "  WHERE t.groupname = w.code AND t.attribute = w.attribute AND t.value = w.value)"
            " ON CONFLICT (groupname, attribute) DO UPDATE SET op = excluded.op, value = excluded.value"
        ).format(table, table),
        values,
    )
    conn.execute(
        sql.SQL(
            "DELETE FROM {} t USING hotspot.wanted_group_rows w WHERE w.user_id = %(user)s AND w.place = %(place)s"
            " AND t.groupname = w.code AND t.attribute = w.attribute AND w.value IS NULL"
        ).format(table),
        values,
    )


def write_data_limit(conn: Connection, user_id: int) -> None:
    """What is left of the bytes that were bought, as the limit of the next session; none if the package has none.

    To be called again whenever accounting was read: RADIUS gives the limit per session. The attribute has 32 bits, the
    rest stands in -Gigawords.
    """
    conn.execute(
        "WITH wanted AS ("
        "  SELECT username, 'Mikrotik-Total-Limit' AS name, bytes & 4294967295 AS value FROM hotspot.data_left"
        "  WHERE user_id = %(user)s"
        "  UNION ALL SELECT username, 'Mikrotik-Total-Limit-Gigawords', bytes >> 32 FROM hotspot.data_left"
        "  WHERE user_id = %(user)s AND bytes >> 32 > 0"
        "), gone AS ("
        "  DELETE FROM radius.radreply r USING hotspot.users u WHERE u.id = %(user)s AND r.username = u.username"
        "   AND r.attribute LIKE 'Mikrotik-Total-Limit%%' AND r.attribute NOT IN (SELECT name FROM wanted)"
        ")"
        " INSERT INTO radius.radreply (username, attribute, op, value)"
        " SELECT username, name, ':=', value::text FROM wanted"
        " ON CONFLICT (username, attribute) DO UPDATE SET op = excluded.op, value = excluded.value",
        {"user": user_id},
    )
