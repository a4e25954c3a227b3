"""ReconcilePaymentsJob: what became of requests whose callback never came is asked of Daraja, request by request.

Asked from two minutes after the request on, then at growing distances, for a day. The next look is dispatched in the
transaction that claims a request, so that no request is forgotten if a worker is killed over it. A query changes
nothing at Daraja: two at once are as good as one.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

import psycopg

import qsup
from handlers import customers, ledger
from handlers.applying import apply_to_request
from handlers.daraja import Daraja
from handlers.daraja_answers import Answer
from handlers.jobs import ReconcilePaymentsJob
from handlers.ledger import Money, Request
from handlers.mpesa import FAILURE_CLASSES, Failed
from handlers.settings import SettingMissing, daraja_settings

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
NO_ANSWER = 1037
"""The phone did not answer. It is written down, and asked again: a success may follow."""


def reconcile_payments(job: ReconcilePaymentsJob, ctx: qsup.Context) -> None:  # noqa: ARG001  a handler's two arguments
    """Ask for every request that is due, as long as the time limit allows; the rest is for another job at once."""
    try:
        settings = daraja_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    until = time.monotonic() + ctx.timeout / 2 - settings.timeout
    with ctx.connect() as own, Daraja(settings) as daraja:
        while (checkout := _claim(own)) is not None:
            answer = daraja.query(checkout)
            _note(own, checkout, answer)
            if answer.meaning == "refused":
                raise qsup.Discard(
                    f"Daraja refuses our account ({answer.detail}): see MPESA_CONSUMER_KEY, MPESA_PASSKEY"
                )
            if answer.meaning == "later":
                log.warning("reconciliation stops for now: %s", answer.detail)
                return
            if time.monotonic() > until:
                ReconcilePaymentsJob().dispatch(own)
                return


def _claim(own: Connection) -> str | None:
    """A request that is due, put off and with a job for its next turn, committed; None when nothing is due."""
    with own.transaction():
        row = own.execute(
            "UPDATE hotspot.stk_requests SET asked = asked + 1, ask_at = clock_timestamp()"
            "  + least(interval '2 minutes' * power(2, least(asked, 10)), interval '1 hour')"
            " WHERE checkout_request_id = (SELECT checkout_request_id FROM hotspot.stk_requests"
            "  WHERE ask_at <= clock_timestamp() AND created_at > now() - interval '1 day'"
            "   AND (state = 'pending' OR state = 'failed' AND failure IN ('unreachable', 'unknown'))"
            "  ORDER BY ask_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
            " RETURNING checkout_request_id, ask_at"
        ).fetchone()
        if row is None:
            return None
        ReconcilePaymentsJob().dispatch(own, at=row[1])
    return str(row[0])


def _note(own: Connection, checkout: str, answer: Answer) -> None:
    """Write down what Daraja said and what follows from it, in one transaction."""
    with own.transaction():
        own.execute(
            "UPDATE hotspot.stk_requests SET asked_detail = %s WHERE checkout_request_id = %s",
            [answer.detail, checkout],
        )
        request = ledger.lock_request(own, checkout)
        if request is None or not request.is_open:
            return
        if answer.meaning == "paid":
            moment = own.execute("SELECT clock_timestamp()").fetchone()
            _take_money(own, request, moment[0] if moment else request.created_at)
        elif answer.code is not None and (answer.meaning == "failed" or answer.code == NO_ANSWER):
            failed = Failed(checkout=checkout, code=answer.code, failure=FAILURE_CLASSES[answer.code])
            if request.takes(failed.failure):
                ledger.set_request(own, checkout, "failed", failed)
    log.info("request %s: %s (%s)", checkout, answer.meaning, answer.detail)


def _take_money(own: Connection, request: Request, now: datetime) -> None:
    """Apply money without a receipt, unless it is the money of a C2B confirmation that was applied by itself.

    That can only be where the request has no reference of ours: with one, the confirmation would have named it.
    """
    if request.reference is None:
        customers.lock_user(own, request.phone)
        known = ledger.without_request(own, request)
        if known is not None:
            ledger.give_checkout(own, known, request.checkout)
            ledger.set_request(own, request.checkout, "paid")
            return
    money = Money(receipt=None, amount=request.amount, paid_at=now, checkout=request.checkout)
    apply_to_request(own, money, request)
    log.warning("request %s: Daraja says that it is paid; its callback has not come", request.checkout)
