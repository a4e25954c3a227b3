"""Asking a customer to pay: phone, amount, package and router are ours and stored before anybody else hears of them."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from handlers.daraja import Daraja
from handlers.daraja_answers import Accepted, Answer
from handlers.jobs import ReconcilePaymentsJob
from handlers.phones import canonical, masked
from handlers.settings import daraja_settings

log = logging.getLogger(__name__)

SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
FIRST_LOOK = timedelta(minutes=2, seconds=1)


class NotAsked(Exception):
    """The customer was not asked to pay; the message says why, for the one who called."""


def request_payment(conn: psycopg.Connection[Any], *, phone: str, package: str, router_id: int | None = None) -> str:
    """Send an STK push for a package (its code) and return the CheckoutRequestID. `conn` is in autocommit.

    Raises NotAsked, and SettingMissing. Stored first under a reference of our own, which the customer's C2B
    confirmation carries back: money is matched even when this process is killed before Daraja's answer is stored.
    """
    number = canonical(phone)
    if number is None:
        raise NotAsked("that is no Kenyan mobile number")
    settings = daraja_settings()
    if not settings.callback_url:
        raise NotAsked("MPESA_CALLBACK_URL is not set")
    reference, price, name = _store(conn, number, package, router_id)
    with Daraja(settings) as daraja:
        answer = daraja.push(phone=number, amount=price, reference=reference, description=name)
    if isinstance(answer, Accepted):
        _accept(conn, reference, answer)
        log.info("request %s: %s asked for KES %s", answer.checkout, masked(number), price)
        return answer.checkout
    _refuse(conn, reference, answer)
    raise NotAsked(f"M-Pesa did not take the request ({answer.detail})")


def _store(conn: psycopg.Connection[Any], phone: str, package: str, router_id: int | None) -> tuple[str, Decimal, str]:
    reference = "HSP-" + "".join(secrets.choice(SIGNS) for _ in range(8))
    row = (
        conn.cursor(row_factory=tuple_row)
        .execute(
            "INSERT INTO hotspot.stk_requests"
            " (checkout_request_id, phone, amount, package_id, router_id, reference, state)"
            " SELECT 'unsent:' || %(reference)s, %(phone)s, price, id, %(router)s, %(reference)s, 'sending'"
            " FROM hotspot.packages WHERE code = %(package)s AND active AND price = trunc(price)"
            " RETURNING amount, (SELECT name FROM hotspot.packages WHERE code = %(package)s)",
            {"reference": reference, "phone": phone, "router": router_id, "package": package},
        )
        .fetchone()
    )
    if row is None:
        raise NotAsked(f"there is no package {package!r} on sale at a price of whole shillings")
    return reference, row[0], row[1]


def _accept(conn: psycopg.Connection[Any], reference: str, answer: Accepted) -> None:
    """Give the request its real name, also when its money was faster, and have it looked at in two minutes."""
    names = {"reference": reference, "checkout": answer.checkout, "merchant": answer.merchant}
    with conn.transaction():
        conn.execute(
            "UPDATE hotspot.stk_requests SET checkout_request_id = %(checkout)s, merchant_request_id = %(merchant)s,"
            " state = CASE state WHEN 'sending' THEN 'pending' ELSE state END, updated_at = now()"
            " WHERE reference = %(reference)s",
            names,
        )
        conn.execute(
            "UPDATE hotspot.payments SET checkout_request_id = %(checkout)s"
            " WHERE checkout_request_id = 'unsent:' || %(reference)s",
            names,
        )
        ReconcilePaymentsJob().dispatch(conn, delay=FIRST_LOOK)


def _refuse(conn: psycopg.Connection[Any], reference: str, answer: Answer) -> None:
    """Only what was certainly not sent has failed; the rest stays, for the money that may come."""
    if answer.meaning == "refused":
        conn.execute(
            "UPDATE hotspot.stk_requests SET state = 'failed', failure = 'refused', updated_at = now()"
            " WHERE reference = %s AND state = 'sending'",
            [reference],
        )
