"""ProcessPaymentJob: one stored callback → payment, customer, subscription, RADIUS rows, SMS to come, next job.

All of it is one transaction that also ends the job: a kill before its commit leaves the inbox row and the job, and
twenty copies of a callback apply it once. Money wins whatever the order: a success after a failure is applied, a
failure after a success changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import psycopg

import qsup
from handlers import catalogue, customers, inbox, ledger
from handlers.applying import apply, apply_to_request
from handlers.confirming import doubt
from handlers.inbox import Delivery, Verdict
from handlers.jobs import ProcessPaymentJob
from handlers.ledger import Money, Payment, Request
from handlers.mpesa import Failed, Malformed, Paid, read_callback
from handlers.phones import canonical
from handlers.settings import payment_settings

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
NORMAL = frozenset({"paid", "already-paid", "failed"})


def process_payment(job: ProcessPaymentJob, ctx: qsup.Context) -> None:
    """Apply one callback. Malformed, unmatched and underpaid are recorded for a person; they end the job normally."""
    waits = payment_settings().unmatched_waits
    doubts = doubt(job, ctx)
    with ctx.transaction() as conn:
        delivery = inbox.lock(conn, job.callback_id)
        if delivery is None:
            raise qsup.Discard(f"there is no callback {job.callback_id} in hotspot.mpesa_inbox")
        if delivery.outcome in inbox.FINAL:
            return
        verdict = decide(conn, delivery, doubts)
        if verdict.may_still_match and ctx.attempt <= len(waits) and ctx.attempt < ctx.tries:
            raise qsup.Retry(verdict.note or "", after=waits[ctx.attempt - 1])
        inbox.record(conn, delivery, verdict)
    level = logging.INFO if verdict.outcome in NORMAL else logging.WARNING
    log.log(level, "callback %d: %s%s", delivery.id, verdict.outcome, f" ({verdict.note})" if verdict.note else "")


def decide(conn: Connection, delivery: Delivery, doubts: str | None = None) -> Verdict:
    """What the delivery comes to, with all its rows written in the transaction of `conn`."""
    try:
        callback = read_callback(delivery.kind, delivery.body)
    except Malformed as error:
        return Verdict(outcome="malformed", note=str(error))
    if isinstance(callback, Failed):
        return _take_failure(conn, callback)
    known = ledger.lock_receipt(conn, callback.receipt)
    if known is not None and known.state != "unmatched":
        return _repeated(conn, callback, known)
    money = _money(delivery, callback)
    if doubts is not None:
        return _keep_unmatched(conn, money, doubts)
    if callback.checkout is not None:
        return _take_stk(conn, money, callback.checkout, known)
    return _take_c2b(conn, money, known)


def _money(delivery: Delivery, paid: Paid) -> Money:
    return Money(
        receipt=paid.receipt, amount=paid.amount, paid_at=paid.paid_at or delivery.received_at, account=paid.account
    )


def _take_failure(conn: Connection, failed: Failed) -> Verdict:
    request = ledger.lock_request(conn, failed.checkout)
    if request is None:
        note = f"request {failed.checkout} is not known"
        return Verdict(outcome="unmatched", failure=failed.failure, note=note, may_still_match=True)
    if request.state == "paid":
        return Verdict(outcome="already-paid", note=f"result {failed.code} after the money came")
    if request.takes(failed.failure):
        ledger.set_request(conn, failed.checkout, "failed", failed)
    return Verdict(outcome="failed", failure=failed.failure)


def _repeated(conn: Connection, paid: Paid, known: Payment) -> Verdict:
    """The same money again: the same bytes, or the other of STK callback and C2B confirmation of one payment."""
    outcome = "underpaid" if known.state == "underpaid" else "already-paid"
    note = f"receipt {paid.receipt} again"
    ledger.give_account(conn, known, paid.account)
    if paid.checkout is not None and known.checkout is None:
        note = _join(conn, paid.checkout, known, outcome) or note
    return Verdict(outcome=outcome, note=note, payment_id=known.id)


def _join(conn: Connection, checkout: str, known: Payment, outcome: str) -> str | None:
    """Money that a C2B confirmation brought is the money of this request, unless the request is somebody else's."""
    request = ledger.lock_request(conn, checkout)
    if request is None:
        return f"receipt {known.receipt} again, for request {checkout}, which is not known"
    if request.phone != known.phone:
        return f"receipt {known.receipt} is another customer's: request {checkout} stays {request.state}"
    other = ledger.payment_of(conn, checkout)
    if other is not None:
        log.error("receipt %s: applied as payment %d, its request as payment %d", known.receipt, known.id, other.id)
        return f"receipt {known.receipt} again; request {checkout} has payment {other.id}: for a person"
    ledger.give_checkout(conn, known, checkout)
    ledger.set_request(conn, checkout, "paid" if outcome == "already-paid" else "underpaid")
    return None


def _take_stk(conn: Connection, money: Money, checkout: str, unmatched: Payment | None) -> Verdict:
    request = ledger.lock_request(conn, checkout)
    if request is None:
        verdict = _keep_unmatched(conn, money, f"request {checkout} is not known")
        return replace(verdict, may_still_match=True)
    taken = _take_request(conn, money, request, unmatched)
    return taken or _keep_unmatched(conn, money, f"another receipt came for request {checkout} before")


def _take_request(conn: Connection, money: Money, request: Request, unmatched: Payment | None) -> Verdict | None:
    """Money for a request, whoever reports it; None: the request was paid with another receipt before."""
    money = replace(money, checkout=request.checkout)
    if not request.is_open:
        told = ledger.payment_of(conn, request.checkout)
        return _give_receipt(conn, told, money, unmatched) if told is not None and told.receipt is None else None
    if money.amount < request.amount:
        reason = f"{money.amount} came, {request.amount} was asked for"
        payment_id = ledger.save_payment(conn, money, state="underpaid", phone=request.phone, reason=reason)
        ledger.set_request(conn, request.checkout, "underpaid")
        return Verdict(outcome="underpaid", note=reason, payment_id=payment_id)
    return Verdict(outcome="paid", payment_id=apply_to_request(conn, money, request))


def _give_receipt(conn: Connection, told: Payment, money: Money, unmatched: Payment | None) -> Verdict:
    ledger.give_receipt(conn, told, money, unmatched)
    note = f"receipt {money.receipt} of money that an STK query told before"
    if money.amount != told.amount:
        note += f"; {money.amount} stands here, {told.amount} was asked for"
    return Verdict(outcome="already-paid", note=note, payment_id=told.id)


def _take_c2b(conn: Connection, money: Money, unmatched: Payment | None) -> Verdict:
    request = ledger.lock_reference(conn, money.account)
    verdict = _take_request(conn, money, request, unmatched) if request is not None else None
    if verdict is not None:
        return verdict
    phone = request.phone if request is not None else canonical(money.account)
    if phone is None or not catalogue.is_known_phone(conn, phone):
        return _keep_unmatched(conn, money, "the account is no customer's phone number")
    package_id = catalogue.package_for(conn, money.amount)
    if package_id is None:
        reason = f"{money.amount} came, no package costs so little"
        payment_id = ledger.save_payment(conn, money, state="underpaid", phone=phone, reason=reason)
        return Verdict(outcome="underpaid", note=reason, payment_id=payment_id)
    # Before looking: an STK query may be applying the same money at this moment.
    customers.lock_user(conn, phone)
    told = ledger.without_receipt(conn, phone, money.amount) if request is None else None
    if told is not None:
        return _give_receipt(conn, told, money, unmatched)
    router_id = catalogue.router_for(conn, phone)
    payment_id = apply(conn, money, phone=phone, package_id=package_id, router_id=router_id)
    return Verdict(outcome="paid", payment_id=payment_id)


def _keep_unmatched(conn: Connection, money: Money, reason: str) -> Verdict:
    """Money may be real: it is kept with its reason, and a later delivery of the same receipt may still apply it."""
    money = replace(money, checkout=None)
    payment_id = ledger.save_payment(conn, money, state="unmatched", reason=reason)
    return Verdict(outcome="unmatched", note=reason, payment_id=payment_id)
