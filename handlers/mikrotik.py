"""ProvisionUserInMikroTikJob: the customer on the hotspot router, with his package's speed; then the SMS.

RADIUS admits the customer already (the payment's transaction wrote its rows), so a router that refuses us is the
router's problem and not the payment's.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg

import qsup
from handlers import provisioning
from handlers.jobs import ProvisionUserInMikroTikJob, SendCredentialsSMSJob
from handlers.provisioning import Order
from handlers.router import Router
from handlers.router_errors import FLAGGED, ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.router_values import duration
from handlers.settings import RouterSettings, SettingMissing, router_settings

log = logging.getLogger(__name__)

PROFILES = "/ip/hotspot/user/profile"
USERS = "/ip/hotspot/user"
SECONDS_TO_RECORD = 5.0
"""Kept back from the job's time limit, for writing down what the router said."""


class RouterAway(Exception):
    """The router did not answer, or not sensibly; the job is tried again by its queue's backoff."""


def provision_user(job: ProvisionUserInMikroTikJob, ctx: qsup.Context) -> None:
    """Put profile and user on the router, then dispatch the SMS. What the router will always refuse is not retried."""
    try:
        settings = router_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    with ctx.connect() as own:
        order = provisioning.load(own, job.subscription_id)
        if order is None:
            raise qsup.Discard(f"there is no subscription {job.subscription_id}")
        if order.is_over:
            log.info("subscription %d is over: nothing to provision", order.subscription_id)
            return
        _talk(own, settings, order, seconds=min(settings.deadline, max(1.0, ctx.timeout - SECONDS_TO_RECORD)))
    with ctx.transaction() as conn:
        if provisioning.finish(conn, order):
            key = f"cred:{order.subscription_id}"
            SendCredentialsSMSJob(subscription_id=order.subscription_id).dispatch(conn, unique=key)


def put_on_router(settings: RouterSettings, order: Order, *, seconds: float) -> str:
    """Profile first, because the user names it; what was done, for the log. Raises ROUTER_ERRORS."""
    profile = f"qsup-{order.package}"
    with Router(settings, seconds=seconds) as router:
        speed = {"rate-limit": order.rate_limit, "shared-users": str(order.shared_users)}
        profile_done = router.ensure(PROFILES, {"name": profile}, speed)
        user = {
            "password": order.password,
            "profile": profile,
            # Compared by the router with the user's total uptime: the sum of all that was bought, never an addition.
            "limit-uptime": duration(order.bought),
            "comment": f"qsup:hs:user:{order.user_id}",
            "disabled": "no",
        }
        user_done = router.ensure(USERS, {"name": order.username, "server": settings.hotspot_server}, user)
    return f"profile {profile_done}, user {user_done}"


def _talk(own: psycopg.Connection[Any], settings: RouterSettings, order: Order, *, seconds: float) -> None:
    try:
        done = put_on_router(settings, order, seconds=seconds)
    except ROUTER_ERRORS as error:
        text, kind = text_of(error), class_of(error)
        provisioning.note_router(
            own, settings.address, online=kind != "network", problem=FLAGGED.get(kind), detail=f"{kind}: {text}"
        )
        if is_worth_another_try(error):
            raise RouterAway(f"router {settings.address}: {text}") from None
        raise qsup.Discard(f"router {settings.address} refuses ({kind}): {text}") from None
    provisioning.note_router(own, settings.address, online=True)
    log.info("subscription %d on router %s: %s", order.subscription_id, settings.address, done)
