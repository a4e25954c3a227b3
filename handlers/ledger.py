"""Money: the requests that we made, and the payments that came. Every function works in its caller's transaction.

Locks are taken in one order everywhere: receipt, request, customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from handlers.mpesa import Failed

Connection = psycopg.Connection[Any]

REQUEST = (
    "SELECT checkout_request_id, phone, amount, package_id, router_id, reference, state, failure, created_at"
    " FROM hotspot.stk_requests"
)
PAYMENT = "SELECT id, receipt, checkout_request_id, state, phone, amount FROM hotspot.payments"

INDECISIVE = frozenset({"unreachable", "unknown"})
"""Failures after which Daraja is asked on: the customer's phone did not answer, or nobody knows the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One row of stk_requests: what we asked a customer to pay, and where he wants to use it."""

    checkout: str
    phone: str
    amount: Decimal
    package_id: int
    router_id: int | None
    reference: str | None
    state: str
    failure: str | None
    created_at: datetime

    def takes(self, failure: str) -> bool:
        """Whether this failure is news: the first one, or a final one after `the customer did not answer`."""
        return self.state == "pending" or (self.failure in INDECISIVE and failure not in INDECISIVE)

    @property
    def is_open(self) -> bool:
        """No money was applied for it yet. A failure is no end: a success may still follow."""
        return self.state not in {"paid", "underpaid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One row of payments: money that came, whatever became of it."""

    id: int
    receipt: str | None
    checkout: str | None
    state: str
    phone: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Money that came. No receipt: an STK query said so, and it does not tell the receipt."""

    receipt: str | None
    amount: Decimal
    paid_at: datetime
    checkout: str | None = None
    account: str | None = None


def lock_receipt(conn: Connection, receipt: str) -> Payment | None:
    """The payment of a receipt, if there is one; copies of the same money wait here for each other.

    The advisory lock also covers the receipt that has no row yet. Always the first lock (then request, then user), so
    that an STK callback and the C2B confirmation of the same payment cannot wait for each other in a circle.
    """
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('hotspot receipt ' || %s, 0))", [receipt])
    return _payment(conn.execute(f"{PAYMENT} WHERE receipt = %s", [receipt]).fetchone())


def lock_request(conn: Connection, checkout: str) -> Request | None:
    """The request that a callback answers, locked until the transaction ends."""
    return _request(conn.execute(f"{REQUEST} WHERE checkout_request_id = %s FOR UPDATE", [checkout]).fetchone())


def lock_reference(conn: Connection, account: str | None) -> Request | None:
    """The request whose reference stands in a C2B confirmation's account field, locked; however it was typed."""
    return _request(conn.execute(f"{REQUEST} WHERE reference = %s FOR UPDATE", [_typed(account)]).fetchone())


def find_reference(conn: Connection, account: str | None) -> Request | None:
    """The same without a lock, for a look. `conn` may be a web application's, with rows of another kind."""
    cursor = conn.cursor(row_factory=tuple_row)
    return _request(cursor.execute(f"{REQUEST} WHERE reference = %s", [_typed(account)]).fetchone())


def _typed(account: str | None) -> str:
    return "".join((account or "").split()).upper()


def set_request(conn: Connection, checkout: str, state: str, failed: Failed | None = None) -> None:
    """Move a request on; `failed` says why no money came."""
    conn.execute(
        "UPDATE hotspot.stk_requests SET state = %s, failure = %s, result_code = %s, updated_at = now()"
        " WHERE checkout_request_id = %s",
        [state, failed.failure if failed else None, failed.code if failed else 0, checkout],
    )


def payment_of(conn: Connection, checkout: str) -> Payment | None:
    """The payment of a request, whose lock the caller holds."""
    return _payment(conn.execute(f"{PAYMENT} WHERE checkout_request_id = %s", [checkout]).fetchone())


def without_receipt(conn: Connection, phone: str, amount: Decimal) -> Payment | None:
    """A payment of this customer that an STK query told, for a request without a reference of ours.

    Only there: with a reference the confirmation would name it. The caller holds the customer's lock.
    """
    statement = (
        f"{PAYMENT} p WHERE receipt IS NULL AND phone = %s AND amount = %s"
        " AND created_at > now() - interval '1 day' AND EXISTS (SELECT FROM hotspot.stk_requests r"
        "  WHERE r.checkout_request_id = p.checkout_request_id AND r.reference IS NULL) ORDER BY id LIMIT 1"
    )
    return _payment(conn.execute(statement, [phone, amount]).fetchone())


def without_request(conn: Connection, request: Request) -> Payment | None:
    """The other way round: a C2B payment of this customer that may be the one of his request without a reference."""
    statement = (
        f"{PAYMENT} WHERE checkout_request_id IS NULL AND state = 'applied' AND phone = %s AND amount = %s"
        " AND created_at >= %s ORDER BY id LIMIT 1"
    )
    return _payment(conn.execute(statement, [request.phone, request.amount, request.created_at]).fetchone())


def give_checkout(conn: Connection, payment: Payment, checkout: str) -> None:
    """Note that this payment is the one of a request."""
    conn.execute("UPDATE hotspot.payments SET checkout_request_id = %s WHERE id = %s", [checkout, payment.id])


def give_account(conn: Connection, payment: Payment, account: str | None) -> None:
    """Note what the customer typed, so that it does not matter which report of a payment comes first."""
    conn.execute("UPDATE hotspot.payments SET account = coalesce(account, %s) WHERE id = %s", [account, payment.id])


def give_receipt(conn: Connection, payment: Payment, money: Money, unmatched: Payment | None) -> None:
    """The receipt of a payment that an STK query told. A row where the receipt was kept as unmatched is merged in."""
    if unmatched is not None:
        statement = "UPDATE hotspot.mpesa_inbox SET payment_id = %s WHERE payment_id = %s"
        conn.execute(statement, [payment.id, unmatched.id])
        conn.execute("DELETE FROM hotspot.payments WHERE id = %s AND state = 'unmatched'", [unmatched.id])
    conn.execute(
        "UPDATE hotspot.payments SET receipt = %s, paid_at = %s, account = coalesce(account, %s) WHERE id = %s",
        [money.receipt, money.paid_at, money.account, payment.id],
    )


def save_payment(
    conn: Connection,
    money: Money,
    *,
    state: str,
    phone: str | None = None,
    user_id: int | None = None,
    package_id: int | None = None,
    reason: str | None = None,
) -> int:
    """Write a payment, or bring the row of money that could not be matched before up to date."""
    row = conn.execute(
        "INSERT INTO hotspot.payments"
        " (receipt, checkout_request_id, state, amount, phone, account, user_id, package_id, paid_at, reason)"
        " VALUES (%(receipt)s, %(checkout)s, %(state)s, %(amount)s, %(phone)s, %(account)s, %(user)s, %(package)s,"
        "  %(paid_at)s, %(reason)s)"
        " ON CONFLICT (receipt) DO UPDATE SET state = excluded.state, user_id = excluded.user_id,"
        "  package_id = excluded.package_id, phone = excluded.phone, reason = excluded.reason,"
        "  amount = excluded.amount, paid_at = excluded.paid_at,"
        "  checkout_request_id = coalesce(excluded.checkout_request_id, payments.checkout_request_id),"
        "  account = coalesce(payments.account, excluded.account)"
        " WHERE payments.state = 'unmatched'"
        " RETURNING id",
        {
            "receipt": money.receipt,
            "checkout": money.checkout,
            "state": state,
            "amount": money.amount,
            "phone": phone,
            "account": money.account,
            "user": user_id,
            "package": package_id,
            "paid_at": money.paid_at,
            "reason": reason,
        },
    ).fetchone()
    if row is None:
        raise LookupError(f"payment {money.receipt} was applied already")
    return int(row[0])


def _request(row: tuple[Any, ...] | None) -> Request | None:
    if row is None:
        return None
    return Request(
        checkout=row[0],
        phone=row[1],
        amount=row[2],
        package_id=row[3],
        router_id=row[4],
        reference=row[5],
        state=row[6],
        failure=row[7],
        created_at=row[8],
    )


def _payment(row: tuple[Any, ...] | None) -> Payment | None:
    if row is None:
        return None
    return Payment(id=row[0], receipt=row[1], checkout=row[2], state=row[3], phone=row[4], amount=row[5])
