"""The wishes to disconnect a customer (hotspot.disconnects), and where he is: rows only, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import psycopg

from handlers.jobs import DisconnectHotspotUserJob

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One row of disconnects, with the customer's name."""

    id: int
    key: str
    user_id: int
    username: str
    router_id: int | None
    state: str

    @property
    def is_expiry(self) -> bool:
        """Whether it is void as soon as the customer buys more."""
        return self.key.startswith("expired:")

    @property
    def session(self) -> str | None:
        """The only session that is to end (AcctUniqueId); None: all of them."""
        return self.key.removeprefix("session:") if self.key.startswith("session:") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open session as RADIUS knows it. `router_id`: None when no router of ours has that address."""

    session_id: str
    router_address: IPv4Address | IPv6Address
    router_id: int | None
    address: IPv4Address | IPv6Address | None
    mac: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A router where the customer may be. `api`: HOST:PORT; None = only his sessions' RADIUS address is known."""

    name: str
    api: str | None
    sessions: list[Session] = field(default_factory=list)


def request(conn: Connection, key: str, user_id: int, *, reason: str, router_id: int | None = None) -> int | None:
    """Wish that a customer be disconnected, and dispatch the job, in the caller's transaction; the row's id.

    `key`: `expired:SUBSCRIPTION`, `session:ACCTUNIQUEID` or `operator:…`. None: this was wished before.
    """
    row = conn.execute(
        "INSERT INTO hotspot.disconnects (key, user_id, router_id, reason) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (key) DO NOTHING RETURNING id",
        [key, user_id, router_id, reason],
    ).fetchone()
    if row is None:
        return None
    DisconnectHotspotUserJob(disconnect_id=row[0]).dispatch(conn, unique=f"disconnect:{row[0]}")
    return int(row[0])


def load(conn: Connection, wish_id: int) -> Wish | None:
    """The wish, if there is one of this id."""
    row = conn.execute(
        "SELECT d.id, d.key, d.user_id, u.username, d.router_id, d.state FROM hotspot.disconnects d"
        " JOIN hotspot.users u ON u.id = d.user_id WHERE d.id = %s",
        [wish_id],
    ).fetchone()
    if row is None:
        return None
    return Wish(id=row[0], key=row[1], user_id=row[2], username=row[3], router_id=row[4], state=row[5])


def settle(conn: Connection, wish: Wish, state: str, detail: str) -> None:
    """Write down what became of it: `done`, `failed`, or `waiting` for another try."""
    conn.execute(
        "UPDATE hotspot.disconnects SET state = %(state)s, detail = %(detail)s,"
        " done_at = CASE WHEN %(state)s <> 'waiting' THEN clock_timestamp() END WHERE id = %(id)s",
        {"state": state, "detail": detail[:500], "id": wish.id},
    )


def running_subscription(conn: Connection, user_id: int) -> int | None:
    """The subscription that the customer may use at this moment."""
    row = conn.execute(
        "SELECT id FROM hotspot.subscriptions WHERE user_id = %s AND state = 'active'"
        " AND tstzrange(starts_at, ends_at) @> clock_timestamp()",
        [user_id],
    ).fetchone()
    return int(row[0]) if row else None


def open_sessions(conn: Connection, wish: Wish) -> list[Session]:
    """His open sessions (or the one that is meant), as RADIUS has them now; hotspot.sessions may be minutes behind."""
    rows = conn.execute(
        "SELECT a.acctsessionid, a.nasipaddress, c.router_id, a.framedipaddress, a.callingstationid"
        " FROM radius.radacct a LEFT JOIN LATERAL (SELECT router_id FROM radius.clients WHERE address = a.nasipaddress"
        "  ORDER BY router_id LIMIT 1) c ON true"
        " WHERE a.username = %(username)s AND a.acctstoptime IS NULL"
        " AND (%(session)s::text IS NULL OR a.acctuniqueid = %(session)s)"
        " AND (%(router)s::bigint IS NULL OR c.router_id = %(router)s) ORDER BY a.radacctid",
        {"username": wish.username, "session": wish.session, "router": wish.router_id},
    ).fetchall()
    return [
        Session(session_id=row[0], router_address=row[1], router_id=row[2], address=row[3], mac=row[4]) for row in rows
    ]


def doors(conn: Connection, wish: Wish, sessions: list[Session], default: str | None) -> list[Door]:
    """The routers to go to: the wished one; else those of his sessions, and the one where he bought.

    `default`: the address of the setting ROUTER, for customers who bought at no particular router.
    """
    known = {session.router_id for session in sessions if session.router_id is not None}
    bought_at = None if wish.router_id is not None or wish.session is not None else _bought_at(conn, wish.user_id)
    wanted = {wish.router_id, bought_at, *known} - {None}
    rows = conn.execute(
        "SELECT id, coalesce(name, ''), address FROM hotspot.routers WHERE id = ANY (%s) ORDER BY id",
        [[number for number in wanted if number is not None]],
    ).fetchall()
    found = [
        Door(name=row[1], api=row[2], sessions=[session for session in sessions if session.router_id == row[0]])
        for row in rows
    ]
    needs_default = wish.router_id is None and wish.session is None and bought_at is None
    if default is not None and needs_default and default not in {door.api for door in found}:
        found.append(Door(name="", api=default))
    strange = [session for session in sessions if session.router_id is None]
    return [*found, *([Door(name="", api=None, sessions=strange)] if strange else [])]


def _bought_at(conn: Connection, user_id: int) -> int | None:
    row = conn.execute(
        "SELECT router_id FROM hotspot.subscriptions WHERE user_id = %s AND state <> 'cancelled'"
        " ORDER BY ends_at DESC LIMIT 1",
        [user_id],
    ).fetchone()
    return row[0] if row else None
