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
from handlers import customers, inbox, ledger, outbox
from handlers.inbox import Delivery, Verdict
from handlers.jobs import ProcessPaymentJob, ProvisionUserInMikroTikJob
from handlers.mpesa import Failed, Malformed, Paid, read_callback
from handlers.phones import canonical, masked
from handlers.settings import payment_settings

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]


def process_payment(job: ProcessPaymentJob, ctx: qsup.Context) -> None:
    """Apply one callback. Malformed, unmatched and underpaid are recorded for a person; they end the job normally."""
    waits = payment_settings().unmatched_waits
    with ctx.transaction() as conn:
        delivery = inbox.lock(conn, job.callback_id)
        if delivery is None:
            raise qsup.Discard(f"there is no callback {job.callback_id} in hotspot.mpesa_inbox")
        if delivery.outcome in inbox.FINAL:
            return
        verdict = decide(conn, delivery)
        if verdict.may_still_match and ctx.attempt <= len(waits) and ctx.attempt < ctx.tries:
            raise qsup.Retry(verdict.note or "", after=waits[ctx.attempt - 1])
        inbox.record(conn, delivery, verdict)
    level = logging.INFO if verdict.outcome in {"paid", "already-paid", "failed"} else logging.WARNING
    log.log(level, "callback %d: %s%s", delivery.id, verdict.outcome, f" ({verdict.note})" if verdict.note else "")


def decide(conn: Connection, delivery: Delivery) -> Verdict:
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
    if callback.checkout is not None:
        return _take_stk(conn, delivery, callback, callback.checkout)
    return _take_c2b(conn, delivery, callback)


def _take_failure(conn: Connection, failed: Failed) -> Verdict:
    request = ledger.lock_request(conn, failed.checkout)
    if request is None:
        note = f"request {failed.checkout} is not known"
        return Verdict(outcome="unmatched", failure=failed.failure, note=note, may_still_match=True)
    if request.state == "paid":
        return Verdict(outcome="already-paid", note=f"result {failed.code} after the money came")
    if request.state == "pending":
        ledger.set_request(conn, failed.checkout, "failed", failed)
    return Verdict(outcome="failed", failure=failed.failure)


def _repeated(conn: Connection, paid: Paid, known: ledger.Payment) -> Verdict:
    """The same money again: the same bytes, or the STK callback after the C2B confirmation of one payment."""
    outcome = "underpaid" if known.state == "underpaid" else "already-paid"
    if paid.checkout is not None and known.checkout is None:
        conn.execute(
            "UPDATE hotspot.payments SET checkout_request_id = %(checkout)s WHERE id = %(id)s AND NOT EXISTS"
            " (SELECT FROM hotspot.payments WHERE checkout_request_id = %(checkout)s)",
            {"checkout": paid.checkout, "id": known.id},
        )
        ledger.set_request(conn, paid.checkout, "paid" if outcome == "already-paid" else "underpaid")
    return Verdict(outcome=outcome, note=f"receipt {paid.receipt} again", payment_id=known.id)


def _take_stk(conn: Connection, delivery: Delivery, paid: Paid, checkout: str) -> Verdict:
    request = ledger.lock_request(conn, checkout)
    if request is None:
        verdict = _keep_unmatched(conn, delivery, paid, f"request {checkout} is not known")
        return replace(verdict, may_still_match=True)
    if request.state in {"paid", "underpaid"}:
        return _keep_unmatched(conn, delivery, paid, f"another receipt came for request {checkout} before")
    if paid.amount < request.amount:
        reason = f"{paid.amount} came, {request.amount} was asked for"
        payment_id = ledger.save_payment(
            conn,
            paid,
            received_at=delivery.received_at,
            state="underpaid",
            checkout=checkout,
            phone=request.phone,
            reason=reason,
        )
        ledger.set_request(conn, checkout, "underpaid")
        return Verdict(outcome="underpaid", note=reason, payment_id=payment_id)
    ledger.set_request(conn, checkout, "paid")
    return _apply(conn, delivery, paid, request.phone, request.package_id)


def _take_c2b(conn: Connection, delivery: Delivery, paid: Paid) -> Verdict:
    phone = canonical(paid.account)
    if phone is None or not ledger.is_known_phone(conn, phone):
        return _keep_unmatched(conn, delivery, paid, "the account is no customer's phone number")
    package_id = ledger.package_for(conn, paid.amount)
    if package_id is None:
        reason = f"{paid.amount} came, no package costs so little"
        payment_id = ledger.save_payment(
            conn, paid, received_at=delivery.received_at, state="underpaid", phone=phone, reason=reason
        )
        return Verdict(outcome="underpaid", note=reason, payment_id=payment_id)
    return _apply(conn, delivery, paid, phone, package_id)


def _keep_unmatched(conn: Connection, delivery: Delivery, paid: Paid, reason: str) -> Verdict:
    """Money may be real: it is kept with its reason, and a later delivery of the same receipt may still apply it."""
    payment_id = ledger.save_payment(conn, paid, received_at=delivery.received_at, state="unmatched", reason=reason)
    return Verdict(outcome="unmatched", note=reason, payment_id=payment_id)


def _apply(conn: Connection, delivery: Delivery, paid: Paid, phone: str, package_id: int) -> Verdict:
    user = customers.lock_user(conn, phone)
    payment_id = ledger.save_payment(
        conn,
        paid,
        received_at=delivery.received_at,
        state="applied",
        checkout=paid.checkout,
        phone=phone,
        user_id=user.id,
        package_id=package_id,
    )
    subscription = customers.subscribe(conn, user, package_id, payment_id)
    customers.write_radius(conn, user, subscription.ends_at)
    outbox.add(conn, subscription.id, phone)
    ProvisionUserInMikroTikJob(subscription_id=subscription.id).dispatch(conn)
    if customers.running_package(conn, user.id) not in {None, package_id}:
        # Bought while another package still runs: router and RADIUS change over when this one begins.
        ProvisionUserInMikroTikJob(subscription_id=subscription.id).dispatch(conn, at=subscription.starts_at)
    log.info("payment %s: subscription %d for %s", paid.receipt, subscription.id, masked(phone))
    return Verdict(outcome="paid", payment_id=payment_id)
