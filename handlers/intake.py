"""The door for what other systems send us: M-Pesa callbacks and the SMS gateway's delivery reports.

A web server calls these in a transaction of its own and answers 200 when it has committed: what was answered is stored,
and what is stored has its job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from handlers import inbox, outbox
from handlers.jobs import ProcessPaymentJob


def receive_callback(conn: psycopg.Connection[Any], kind: str, payload: bytes | str | Mapping[str, Any]) -> int:
    """Store a callback (`kind` "stk" or "c2b") raw and dispatch its ProcessPaymentJob, in one transaction of `conn`.

    Returns the id in hotspot.mpesa_inbox. Raises qsup.DispatchError if no queue takes the job; nothing is stored then.
    """
    with conn.transaction():
        callback_id = inbox.store(conn, kind, payload)
        ProcessPaymentJob(callback_id=callback_id).dispatch(conn)
    return callback_id


def receive_delivery_report(conn: psycopg.Connection[Any], form: Mapping[str, str]) -> bool:
    """Apply a delivery report of Africa's Talking (the form's fields); False: it belongs to no message of ours."""
    with conn.transaction():
        return outbox.apply_report(
            conn,
            message_id=form.get("id", ""),
            phone=form.get("phoneNumber", ""),
            status=form.get("status", ""),
            reason=form.get("failureReason", ""),
        )
