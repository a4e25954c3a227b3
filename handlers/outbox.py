"""The SMS outbox: one row per subscription, and the only place that knows whether a message may go out.

    pending ──▶ sending ──▶ sent ──▶ delivered        parked: the account or the sender id must be mended by a person
                   │  └────▶ failed                    failed: this number can never be reached
                   └──▶ unknown ──▶ sending (once) …   unknown: the gateway may or may not have taken it

A message goes out between two commits: `sending` is committed first, so that a worker killed in between leaves
`sending` behind, which is then known to be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg

from handlers.phones import canonical

REPORT_STATES = {
    "Success": "delivered",
    "Failed": "failed",
    "Rejected": "failed",
    "Sent": "sent",
    "Submitted": "sent",
    "Buffered": "sent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One row of sms_outbox. `waited`: seconds since its state changed. The body is kept out of repr and logs."""

    id: int
    phone: str
    state: str
    body: str | None = field(repr=False)
    resends: int
    claimed_by: str | None
    waited: float


def add(conn: psycopg.Connection[Any], subscription_id: int, phone: str) -> None:
    """Note that the customer of a subscription is to be told; a second call for it changes nothing."""
    conn.execute(
        "INSERT INTO hotspot.sms_outbox (dedupe_key, subscription_id, phone) VALUES (%s, %s, %s)"
        " ON CONFLICT (dedupe_key) DO NOTHING",
        [f"cred:{subscription_id}", subscription_id, phone],
    )


def lock(conn: psycopg.Connection[Any], subscription_id: int) -> Message | None:
    """The message of a subscription, locked until the transaction ends."""
    row = conn.execute(
        "SELECT id, phone, state, body, resends, claimed_by,"
        " extract(epoch FROM clock_timestamp() - changed_at)::float8 FROM hotspot.sms_outbox"
        " WHERE dedupe_key = %s FOR UPDATE",
        [f"cred:{subscription_id}"],
    ).fetchone()
    if row is None:
        return None
    return Message(id=row[0], phone=row[1], state=row[2], body=row[3], resends=row[4], claimed_by=row[5], waited=row[6])


def start_sending(conn: psycopg.Connection[Any], message: Message, body: str, claimed_by: str) -> None:
    """Fix the text (the first one stays) and say that it is about to go out."""
    conn.execute(
        "UPDATE hotspot.sms_outbox SET state = 'sending', body = coalesce(body, %s), claimed_by = %s, detail = NULL,"
        " resends = resends + (state = 'unknown')::int, changed_at = clock_timestamp() WHERE id = %s",
        [body, claimed_by, message.id],
    )


def park(conn: psycopg.Connection[Any], message: Message, detail: str) -> None:
    """Keep a message that has not gone out until a person has mended the account."""
    conn.execute(
        "UPDATE hotspot.sms_outbox SET state = 'parked', detail = %s, changed_at = clock_timestamp()"
        " WHERE id = %s AND state = 'pending'",
        [detail, message.id],
    )


def settle(
    conn: psycopg.Connection[Any], message: Message, state: str, *, detail: str = "", message_id: str | None = None
) -> None:
    """Write what became of a message that was going out; a delivery report that was faster than the answer stays."""
    conn.execute(
        "UPDATE hotspot.sms_outbox SET state = %s, detail = %s, message_id = coalesce(%s, message_id),"
        " changed_at = clock_timestamp() WHERE id = %s AND state = 'sending'",
        [state, detail or None, message_id, message.id],
    )


def apply_report(conn: psycopg.Connection[Any], *, message_id: str, phone: str, status: str, reason: str) -> bool:
    """Apply a delivery report. One for a message whose answer was lost finds it by the number. False: not ours.

    Delivered and failed are final: a late `Sent` changes nothing. A report of another message of ours never settles
    one whose answer is still out.
    """
    state = REPORT_STATES.get(status)
    message_id = _printable(message_id)[:100]
    if state is None or not message_id:
        return False
    changed = conn.execute(
        "UPDATE hotspot.sms_outbox SET state = %(state)s, message_id = %(id)s, detail = nullif(%(reason)s, ''),"
        " changed_at = clock_timestamp() WHERE id = ("
        "  SELECT id FROM hotspot.sms_outbox"
        "  WHERE message_id = %(id)s AND state IN ('sent', 'unknown')"
        "   OR phone = %(phone)s AND state IN ('sending', 'unknown')"
        "    AND NOT EXISTS (SELECT FROM hotspot.sms_outbox WHERE message_id = %(id)s)"
        "  ORDER BY changed_at LIMIT 1 FOR UPDATE)",
        {"state": state, "id": message_id, "reason": _printable(reason), "phone": canonical(phone)},
    )
    return changed.rowcount == 1


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:200]
