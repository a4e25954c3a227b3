"""Money: the requests that we made, and the payments that came. Every function works in its caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg

from handlers.mpesa import Failed, Paid


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One row of stk_requests: what we asked a customer to pay."""

    checkout: str
    phone: str
    amount: Decimal
    package_id: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One row of payments: money that came, whatever became of it."""

    id: int
    receipt: str
    checkout: str | None
    state: str


def lock_receipt(conn: psycopg.Connection[Any], receipt: str) -> Payment | None:
    """The payment of a receipt, if there is one; copies of the same money wait here for each other.

    The advisory lock also covers the receipt that has no row yet. Always the first lock (then request, then user), so
    that an STK callback and the C2B confirmation of the same payment cannot wait for each other in a circle.
    """
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('hotspot receipt ' || %s, 0))", [receipt])
    row = conn.execute(
        "SELECT id, receipt, checkout_request_id, state FROM hotspot.payments WHERE receipt = %s", [receipt]
    ).fetchone()
    return Payment(id=row[0], receipt=row[1], checkout=row[2], state=row[3]) if row else None


def lock_request(conn: psycopg.Connection[Any], checkout: str) -> Request | None:
    """The request that a callback answers, locked until the transaction ends."""
    row = conn.execute(
        "SELECT checkout_request_id, phone, amount, package_id, state FROM hotspot.stk_requests"
        " WHERE checkout_request_id = %s FOR UPDATE",
        [checkout],
    ).fetchone()
    if row is None:
        return None
    return Request(checkout=row[0], phone=row[1], amount=row[2], package_id=row[3], state=row[4])


def set_request(conn: psycopg.Connection[Any], checkout: str, state: str, failed: Failed | None = None) -> None:
    """Move a request on; `failed` says why no money came."""
    conn.execute(
        "UPDATE hotspot.stk_requests SET state = %s, failure = %s, result_code = %s, updated_at = now()"
        " WHERE checkout_request_id = %s",
        [state, failed.failure if failed else None, failed.code if failed else 0, checkout],
    )


def is_known_phone(conn: psycopg.Connection[Any], phone: str) -> bool:
    """Whether this is a customer, or somebody whom we once asked to pay: a mistyped account is neither."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM hotspot.users WHERE phone = %(phone)s)"
        " OR EXISTS (SELECT FROM hotspot.stk_requests WHERE phone = %(phone)s)",
        {"phone": phone},
    ).fetchone()
    return bool(row and row[0])


def package_for(conn: psycopg.Connection[Any], amount: Decimal) -> int | None:
    """The best package that this much money buys, for a payment that came without a request; None: too little."""
    row = conn.execute(
        "SELECT id FROM hotspot.packages WHERE active AND price <= %s ORDER BY price DESC, id LIMIT 1", [amount]
    ).fetchone()
    return int(row[0]) if row else None


def save_payment(
    conn: psycopg.Connection[Any],
    paid: Paid,
    *,
    received_at: datetime,
    state: str,
    checkout: str | None = None,
    phone: str | None = None,
    user_id: int | None = None,
    package_id: int | None = None,
    reason: str | None = None,
) -> int:
    """Write the payment of a receipt, or bring the row of money that could not be matched before up to date."""
    row = conn.execute(
        "INSERT INTO hotspot.payments"
        " (receipt, checkout_request_id, state, amount, phone, account, user_id, package_id, paid_at, reason)"
        " VALUES (%(receipt)s, %(checkout)s, %(state)s, %(amount)s, %(phone)s, %(account)s, %(user)s, %(package)s,"
        "  %(paid_at)s, %(reason)s)"
        " ON CONFLICT (receipt) DO UPDATE SET state = excluded.state, user_id = excluded.user_id,"
        "  package_id = excluded.package_id, phone = excluded.phone, reason = excluded.reason,"
        "  checkout_request_id = coalesce(excluded.checkout_request_id, payments.checkout_request_id),"
        "  account = coalesce(payments.account, excluded.account)"
        " WHERE payments.state = 'unmatched'"
        " RETURNING id",
        {
            "receipt": paid.receipt,
            "checkout": checkout,
            "state": state,
            "amount": paid.amount,
            "phone": phone,
            "account": paid.account,
            "user": user_id,
            "package": package_id,
            "paid_at": paid.paid_at or received_at,
            "reason": reason,
        },
    ).fetchone()
    if row is None:
        raise LookupError(f"payment {paid.receipt} was applied already")
    return int(row[0])
