"""The rest of the hotspot's day, for the demo: each act dispatches a job as the clock would, and looks at what it did.

A router is deployed; customers go online; time runs out; routers, logs and numbers are looked after; the report is
written. FreeRADIUS is real where it is installed; elsewhere its accounting rows are written as it would write them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from handlers.deployment.state import request_deployment
from handlers.jobs import (
    CheckExpiredSessionsJob,
    CheckRoutersJob,
    QueueReportJob,
    RotateLogs,
    SyncRadiusAccountingJob,
    SyncRouterDataJob,
    UpdateDashboardStatsJob,
)
from handlers.sandbox import radius
from handlers.sandbox.playing import TooSlow, until
from handlers.sandbox.radius import Radius
from handlers.sandbox.routeros import RouterSimulator

ACTIVE = "/ip/hotspot/active"
JOB_SECONDS = 60.0
LOG_BYTES = 20_000
ONLINE = 2
"""Customers who use what they paid for."""


class NotSo(Exception):
    """An act did not do what it must; the message says what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One act: what was seen, and how long it took."""

    name: str
    seen: str
    ok: bool
    seconds: float


@dataclass(slots=True, kw_only=True)
class Day:
    """What the acts work with."""

    conn: psycopg.Connection[Any]
    dsn: str
    router: RouterSimulator
    logs: Path
    radius: Radius | None = None
    report: str = ""

    def ended(self, number: int) -> int:
        """Wait for the end of a job; its id. Raises NotSo, TooSlow."""
        until(lambda: not self.value("SELECT count(*) FROM qsup.jobs WHERE id = %s", number), JOB_SECONDS, "a job runs")
        failed = self.conn.execute("SELECT type, message FROM qsup.failed_jobs WHERE id = %s", [number]).fetchone()
        if failed:
            raise NotSo(f"{failed[0]} failed: {failed[1]}")
        return number

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row; None without one."""
        row = self.conn.execute(statement.encode(), values).fetchone()
        return row[0] if row else None


def play(day: Day, acts: Mapping[str, Callable[[Day], str]]) -> Iterator[Told]:
    """Play acts one after the other; one that goes wrong does not stop the rest."""
    for name, act in acts.items():
        started = time.monotonic()
        try:
            seen, ok = act(day), True
        except (NotSo, TooSlow) as error:
            seen, ok = str(error), False
        yield Told(name=name, seen=seen, ok=ok, seconds=time.monotonic() - started)


def deploy(day: Day) -> str:
    """The router that all customers use gets the whole hotspot."""
    router = day.value(
        "INSERT INTO hotspot.routers (address, name, vars) VALUES (%s, 'ggn-hsp-01', '{\"mgmt_net\": \"127.0.0.0/8\"}')"
        " ON CONFLICT (address) DO UPDATE SET name = excluded.name, vars = excluded.vars RETURNING id",
        day.router.address,
    )
    before = len(day.router.commands)
    job = day.ended(request_deployment(day.conn, router))
    state = day.value("SELECT deploy FROM hotspot.routers WHERE id = %s", router)
    if state != "active":
        raise NotSo(f"the router is {state}, not active")
    writes = sum(not command.endswith("/print") for command in day.router.commands[before:])
    told = day.value("SELECT count(*) FROM qsup.job_events WHERE job_id = %s AND kind = 'progress'", job)
    return f"{writes} writes, read back and active; {told} steps of progress told"


def go_online(day: Day) -> str:
    """Customers log in; RADIUS says their speed, and counts what they use."""
    speeds = [_log_in(day, number, *customer) for number, customer in enumerate(_customers(day), 1)]
    day.ended(SyncRadiusAccountingJob().dispatch(day.conn))
    count = day.value("SELECT count(*) FROM hotspot.sessions WHERE ended_at IS NULL")
    used = day.value("SELECT coalesce(sum(bytes_in + bytes_out), 0) FROM hotspot.sessions")
    if count != len(speeds) or not used:
        raise NotSo(f"{len(speeds)} went online, {count} sessions are known, {used} bytes")
    how = f"Access-Accept at {' and '.join(speeds)}" if day.radius else radius.missing()
    return f"{count} sessions, {used / 1_000_000:g} MB ({how})"


def run_out(day: Day) -> str:
    """The time of one of them is over: he is found, disconnected, and rejected from then on."""
    name, password, user = _customers(day)[0]
    day.conn.execute(
        "UPDATE hotspot.subscriptions SET starts_at = least(starts_at, now() - interval '1 hour'), ends_at = now()"
        " WHERE user_id = %s AND state = 'active'",
        [user],
    )
    day.conn.execute(
        "UPDATE radius.radcheck SET value = to_char(now() AT TIME ZONE 'UTC', 'Mon DD YYYY HH24:MI:SS')"
        " WHERE username = %s AND attribute = 'Expiration'",
        [name],
    )
    day.ended(CheckExpiredSessionsJob().dispatch(day.conn))
    state = "SELECT count(*) FROM hotspot.disconnects WHERE user_id = %s AND state = 'done'"
    until(lambda: bool(day.value(state, user)), JOB_SECONDS, "the customer is not disconnected")
    if day.router.tables.find(ACTIVE, [f"?user={name}"]):
        raise NotSo("the customer is still active on the router")
    answer = day.radius.login(name, password).code if day.radius else ""
    if answer not in {"", "Access-Reject"}:
        raise NotSo(f"RADIUS still says {answer}")
    others = len(day.router.tables.find(ACTIVE))
    return f"1 disconnected, {others} still online{'; RADIUS says Access-Reject' if answer else ''}"


def look_after_routers(day: Day) -> str:
    """Does it answer, and what does it say of itself?"""
    day.ended(CheckRoutersJob().dispatch(day.conn))
    day.ended(SyncRouterDataJob().dispatch(day.conn))
    until(lambda: bool(day.value("SELECT max(version) FROM hotspot.router_data")), JOB_SECONDS, "no data of a router")
    seen = day.conn.execute(
        "SELECT r.reach, r.deploy, d.version FROM hotspot.routers r JOIN hotspot.router_data d ON d.router_id = r.id"
    ).fetchone()
    if seen is None or seen[:2] != ("online", "active"):
        raise NotSo(f"reach and deploy are {seen}")
    return f"online (reach), active (deploy), RouterOS {seen[2]}"


def rotate(day: Day) -> str:
    """A log has grown: it is put aside, whole."""
    log = day.logs / "payments-queue.log"
    log.write_text("a line\n" * (LOG_BYTES // 7 + 1))
    size = log.stat().st_size
    day.ended(RotateLogs().dispatch(day.conn))
    aside = log.with_name(f"{log.name}.1")
    if not aside.exists() or aside.stat().st_size != size or log.stat().st_size:
        raise NotSo(f"{sorted(path.name for path in day.logs.iterdir())} are there")
    return f"{log.name}: {size:,} bytes put aside, no line lost"


def count(day: Day) -> str:
    """The dashboard's numbers."""
    day.ended(UpdateDashboardStatsJob().dispatch(day.conn))
    row = day.conn.execute(
        "SELECT customers, active_subscriptions, revenue_today, sessions_online FROM hotspot.dashboard_stats"
    ).fetchone()
    known = day.value("SELECT count(*) FROM hotspot.users")
    if row is None or row[0] != known:
        raise NotSo(f"the dashboard says {row}, there are {known} customers")
    return f"{row[0]} customers, {row[1]} subscriptions run, KES {row[2]:,} today, {row[3]} online"


def write_report(day: Day) -> str:
    """The report, from live data."""
    number = day.ended(QueueReportJob().dispatch(day.conn))
    day.report = day.value("SELECT markdown FROM hotspot.reports WHERE job_id = %s", number) or ""
    if not day.report:
        raise NotSo("there is no report")
    return f"{len(day.report.splitlines())} lines"


BEFORE = {"deploy the router": deploy}
AFTER = {
    "go online": go_online,
    "time runs out": run_out,
    "check the routers": look_after_routers,
    "rotate the logs": rotate,
    "count": count,
    "write the report": write_report,
}


@contextlib.contextmanager
def radius_if_installed(dsn: str) -> Iterator[Radius | None]:
    """A real FreeRADIUS on the database, where there is one on this machine."""
    if radius.missing():
        yield None
        return
    with Radius(dsn) as running:
        yield running


def _customers(day: Day) -> list[tuple[str, str, int]]:
    """Name, password, id of who go online; always the same ones, first one who has bought no more than once."""
    rows = day.conn.execute(
        "SELECT u.username, u.password, u.id FROM hotspot.users u JOIN hotspot.subscriptions s ON s.user_id = u.id"
        " GROUP BY u.id ORDER BY count(*), u.id LIMIT %s",
        [ONLINE],
    )
    return [(name, password, number) for name, password, number in rows]


def _log_in(day: Day, number: int, name: str, password: str, user: int) -> str:
    """Let a customer log in and use something; his speed."""
    del user
    mac, address = f"AA:BB:CC:00:00:0{number}", f"10.5.50.{10 + number}"
    day.router.tables.appear(ACTIVE, {"user": name, "address": address, "mac-address": mac})
    sent, received = number * 1_000_000, number * 9_000_000
    if day.radius is None:
        day.conn.execute(
            "INSERT INTO radius.radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
            " acctupdatetime, acctsessiontime, acctinputoctets, acctoutputoctets, callingstationid, framedipaddress)"
            " VALUES (%(id)s, md5(%(id)s), %(name)s, '127.0.0.1', now() - interval '10 minutes', now(), 600,"
            "  %(sent)s, %(received)s, %(mac)s, %(address)s)",
            {
                "id": f"8000000{number}",
                "name": name,
                "sent": sent,
                "received": received,
                "mac": mac,
                "address": address,
            },
        )
        return ""
    reply = day.radius.login(name, password, mac=mac)
    if reply.code != "Access-Accept":
        raise NotSo(f"RADIUS says {reply.code or 'nothing'} to a customer who has paid")
    about = {"calling_station_id": mac, "framed_ip_address": address}
    day.radius.account("Start", name, f"8000000{number}", **about)
    more = {"acct_session_time": 600, "acct_input_octets": sent, "acct_output_octets": received}
    day.radius.account("Interim-Update", name, f"8000000{number}", **about, **more)
    return reply.attributes.get("Mikrotik-Rate-Limit", "no limit")
