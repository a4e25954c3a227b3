"""ProvisionUserInMikroTikJob: the customer on the hotspot router, with his package's speed; then the SMS.

RADIUS admits the customer already (the payment's transaction wrote its rows), so a router that refuses us is the
router's problem and not the payment's, and the customer is told his password all the same.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg

import qsup
from handlers import provisioning
from handlers.jobs import ProvisionUserInMikroTikJob, SendCredentialsSMSJob
from handlers.provisioning import Order, Place
from handlers.router import Router
from handlers.router_errors import FLAGGED, ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.router_user import ForeignUser, put_on_router
from handlers.settings import RouterSettings, SettingMissing, router_settings, settings_of

log = logging.getLogger(__name__)

SECONDS_TO_RECORD = 5.0
"""Kept back from the job's time limit, for writing down what the router said."""


class RouterAway(Exception):
    """The router did not answer, or not sensibly; the job is tried again by its queue's backoff."""


def provision_user(job: ProvisionUserInMikroTikJob, ctx: qsup.Context) -> None:
    """Put profile and user on the router, then dispatch the SMS. What the router will always refuse is not retried."""
    with ctx.connect() as own:
        place = provisioning.place_of(own, job.subscription_id)
        if place is None:
            raise qsup.Discard(f"there is no subscription {job.subscription_id}")
        order = provisioning.load(own, job.subscription_id, _common_address())
        if order is None or order.is_over:
            log.info("subscription %d is over: nothing to provision", job.subscription_id)
            return
        try:
            settings = _settings(place)
            _talk(
                own, settings, order, place, seconds=min(settings.deadline, max(1.0, ctx.timeout - SECONDS_TO_RECORD))
            )
        except RouterAway:
            if ctx.attempt >= ctx.tries:
                _tell(own, order)
            raise
        except ForeignUser as error:
            # He is not told: the name would not open this router's door to him before a person has acted.
            raise qsup.Discard(str(error)) from None
        except (SettingMissing, qsup.Discard) as error:
            _tell(own, order)
            raise qsup.Discard(str(error)) from None
    with ctx.transaction() as conn:
        if provisioning.finish(conn, order):
            key = f"cred:{order.subscription_id}"
            SendCredentialsSMSJob(subscription_id=order.subscription_id).dispatch(conn, unique=key)


def _tell(own: psycopg.Connection[Any], order: Order) -> None:
    """Nothing more will be tried on the router; RADIUS serves the customer, who needs his password for that."""
    if provisioning.is_to_be_told(own, order.subscription_id):
        key = f"cred:{order.subscription_id}"
        SendCredentialsSMSJob(subscription_id=order.subscription_id).dispatch(own, unique=key)


def _common_address() -> str | None:
    try:
        return router_settings().address
    except SettingMissing:
        return None


def _settings(place: Place) -> RouterSettings:
    """How to reach the subscription's router. Raises SettingMissing."""
    if place.is_retired:
        raise SettingMissing(f"router {place.name or place.address} is retired: its customers have RADIUS only")
    return router_settings() if place.address is None else settings_of(place.name or "", place.address)


def _talk(
    own: psycopg.Connection[Any], settings: RouterSettings, order: Order, place: Place, *, seconds: float
) -> None:
    try:
        with Router(settings, seconds=seconds) as router:
            done = put_on_router(router, settings.hotspot_server, order)
    except ForeignUser as error:
        provisioning.note_problem(own, order.subscription_id, str(error))
        provisioning.note_router(own, settings.address, online=True, router_id=place.id)
        raise
    except ROUTER_ERRORS as error:
        text, kind = text_of(error), class_of(error)
        online, problem = kind != "network", FLAGGED.get(kind)
        detail = f"{kind}: {text}"
        provisioning.note_router(
            own, settings.address, online=online, problem=problem, detail=detail, router_id=place.id
        )
        if is_worth_another_try(error):
            raise RouterAway(f"router {settings.address}: {text}") from None
        provisioning.note_problem(own, order.subscription_id, f"router {settings.address} refuses ({detail})")
        raise qsup.Discard(f"router {settings.address} refuses ({kind}): {text}") from None
    provisioning.note_router(own, settings.address, online=True, router_id=place.id)
    log.info("subscription %d on router %s: %s", order.subscription_id, settings.address, done)
