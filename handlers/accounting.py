"""SyncRadiusAccountingJob: radius.radacct becomes hotspot.sessions, and sessions without news are closed.

A trigger marks each row of radacct that changes (radius.radacct_changed). A batch takes marks away and copies their
rows in one transaction, so what is killed comes again, and two at once share the work. Numbers only grow.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg

import qsup
from handlers import admission
from handlers.jobs import SyncRadiusAccountingJob
from handlers.settings import SettingMissing, interim

log = logging.getLogger(__name__)

BATCH = 500
"""Rows in one transaction. FreeRADIUS waits for it when it has news of one of them."""
MISSED = 3
"""A session is given up after so many reports that did not come."""
STALE = "Stale-Session"
"""The cause of sessions that we closed. No router says so: handlers/freeradius/queries.conf opens them again by it."""
SECONDS_TO_END = 10.0
"""Kept back from the job's time limit; what is left over is the next job's."""


def sync_accounting(job: SyncRadiusAccountingJob, ctx: qsup.Context) -> None:  # noqa: ARG001  it has no fields
    """Close what has had no news, then copy all that changed, batch by batch, until nothing is left or time is up."""
    try:
        silence = MISSED * interim()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    until = time.monotonic() + max(1.0, ctx.timeout - SECONDS_TO_END)
    closed = copied = 0
    with ctx.connect() as own:
        while time.monotonic() < until and (count := close_silent(own, silence)):
            closed += count
        while time.monotonic() < until and (count := copy_changed(own)):
            copied += count
    log.info("accounting: %d sessions copied, %d closed without news", copied, closed)


def close_silent(conn: psycopg.Connection[Any], silence: float, *, batch: int = BATCH) -> int:
    """Close open sessions whose last news is older than `silence` seconds, as of that news; returns how many.

    Nothing is invented: what the session used is what the router last said. Without this the sessions of a router that
    crashed would count for Simultaneous-Use for ever. Rows that FreeRADIUS is writing at this moment are passed over.
    """
    return conn.execute(
        "UPDATE radius.radacct"
        " SET acctstoptime = coalesce(acctupdatetime, acctstarttime), acctterminatecause = %(stale)s"
        " WHERE radacctid IN (SELECT radacctid FROM radius.radacct WHERE acctstoptime IS NULL"
        "  AND coalesce(acctupdatetime, acctstarttime) < now() - make_interval(secs => %(silence)s)"
        "  ORDER BY radacctid LIMIT %(batch)s FOR UPDATE SKIP LOCKED)",
        {"stale": STALE, "silence": silence, "batch": batch},
    ).rowcount


def copy_changed(conn: psycopg.Connection[Any], *, batch: int = BATCH) -> int:
    """Copy the rows of one batch of marks; returns how many marks were taken away.

    Two statements, for the second must see what was committed while the first waited: in one, a row could be read as it
    was before the mark that is taken away for it.
    """
    with conn.transaction():
        rows = conn.execute(
            "DELETE FROM radius.radacct_changed WHERE acctuniqueid IN (SELECT acctuniqueid FROM radius.radacct_changed"
            " LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING acctuniqueid",
            [batch],
        ).fetchall()
        if rows:
            changed = [row[0] for row in rows]
            conn.execute(COPY, {"changed": changed})
            for (user_id,) in conn.execute(LIMITED, {"changed": changed}).fetchall():
                admission.write_data_limit(conn, user_id)
    return len(rows)


LIMITED = (
    "SELECT user_id FROM hotspot.data_left WHERE user_id IN"
    " (SELECT user_id FROM hotspot.sessions WHERE acct_unique_id = ANY (%(changed)s)) ORDER BY user_id"
)
"""Customers whose package has a limit: what is left of it is the limit of their next session."""


COPY = (
    "INSERT INTO hotspot.sessions AS s (acct_unique_id, session_id, username, user_id, router_address, mac, address,"
    " started_at, updated_at, ended_at, seconds, bytes_in, bytes_out, cause)"
    " SELECT a.acctuniqueid, a.acctsessionid, coalesce(a.username, ''), u.id, a.nasipaddress, a.callingstationid,"
    "  a.framedipaddress, coalesce(a.acctstarttime, a.acctupdatetime, a.acctstoptime, now()),"
    "  coalesce(greatest(a.acctupdatetime, a.acctstarttime), a.acctstoptime, now()), a.acctstoptime,"
    "  greatest(a.acctsessiontime, 0), greatest(a.acctinputoctets, 0), greatest(a.acctoutputoctets, 0),"
    "  CASE WHEN a.acctstoptime IS NOT NULL THEN coalesce(nullif(a.acctterminatecause, ''), 'Unknown') END"
    " FROM radius.radacct a LEFT JOIN hotspot.users u ON u.username = a.username"
    " WHERE a.acctuniqueid = ANY (%(changed)s) ORDER BY a.acctuniqueid"
    " ON CONFLICT (acct_unique_id) DO UPDATE SET"
    "  user_id = coalesce(excluded.user_id, s.user_id), mac = coalesce(excluded.mac, s.mac),"
    "  address = coalesce(excluded.address, s.address), started_at = least(s.started_at, excluded.started_at),"
    "  updated_at = greatest(s.updated_at, excluded.updated_at), ended_at = excluded.ended_at, cause = excluded.cause,"
    "  seconds = greatest(s.seconds, excluded.seconds), bytes_in = greatest(s.bytes_in, excluded.bytes_in),"
    "  bytes_out = greatest(s.bytes_out, excluded.bytes_out)"
)
"""`greatest` of a value and NULL is the value: a counter that was never reported is 0."""
