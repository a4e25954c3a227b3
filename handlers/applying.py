"""Money with an owner becomes a subscription: payment, customer, RADIUS rows, SMS to come, next job."""

from __future__ import annotations

import logging
from typing import Any

import psycopg

from handlers import admission, customers, ledger, outbox
from handlers.jobs import ProvisionUserInMikroTikJob
from handlers.ledger import Money, Request
from handlers.phones import masked

log = logging.getLogger(__name__)


def apply_to_request(conn: psycopg.Connection[Any], money: Money, request: Request) -> int:
    """Apply money to the request that asked for it, whose lock the caller holds; returns the payment's id.

    Phone, package and router come from the request: what a callback says of them is signed by nobody.
    """
    ledger.set_request(conn, request.checkout, "paid")
    return apply(conn, money, phone=request.phone, package_id=request.package_id, router_id=request.router_id)


def apply(
    conn: psycopg.Connection[Any], money: Money, *, phone: str, package_id: int, router_id: int | None = None
) -> int:
    """Give the customer what was paid for; returns the payment's id. Nothing of it is there before the commit."""
    user = customers.lock_user(conn, phone)
    payment_id = ledger.save_payment(conn, money, state="applied", phone=phone, user_id=user.id, package_id=package_id)
    subscription = customers.subscribe(conn, user, package_id, payment_id, router_id)
    admission.write_radius(conn, user.id)
    outbox.add(conn, subscription.id, phone)
    ProvisionUserInMikroTikJob(subscription_id=subscription.id).dispatch(conn)
    if customers.running_package(conn, user.id) not in {None, package_id}:
        # Bought while another package still runs: router and RADIUS change over when this one begins.
        ProvisionUserInMikroTikJob(subscription_id=subscription.id).dispatch(conn, at=subscription.starts_at)
    name = money.receipt or f"of request {money.checkout}"
    log.info("payment %s: subscription %d for %s", name, subscription.id, masked(phone))
    return payment_id
