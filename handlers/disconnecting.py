"""DisconnectHotspotUserJob: the sessions that a row of hotspot.disconnects names are to end, wherever they are.

By the router's API where its credentials work, because only that also forgets cookies and locks the local user; by
RADIUS where there are no credentials or the API refuses us. HOTSPOT_DISCONNECT says which of them may be used.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import psycopg

import qsup
from handlers import disconnects, provisioning
from handlers.disconnects import Door, Wish
from handlers.jobs import DisconnectHotspotUserJob, ProvisionUserInMikroTikJob
from handlers.leaving import Left, Refused, Unreachable, by_api, by_radius
from handlers.router_errors import FLAGGED, ROUTER_ERRORS, class_of, is_worth_another_try, text_of
from handlers.settings import SettingMissing, disconnect_way, radius_settings, router_settings, settings_of

log = logging.getLogger(__name__)

SECONDS_TO_RECORD = 5.0
"""Kept back from the job's time limit, for writing down what the routers said."""


def disconnect_user(job: DisconnectHotspotUserJob, ctx: qsup.Context) -> None:
    """End the sessions; what a router will always refuse is not tried again, what may pass is."""
    with ctx.connect() as own:
        wish = disconnects.load(own, job.disconnect_id)
        if wish is None:
            raise qsup.Discard(f"there is no row {job.disconnect_id} in hotspot.disconnects")
        if wish.state == "done":
            return
        may_stay = disconnects.running_subscription(own, wish.user_id) is not None
        if may_stay and wish.is_expiry:
            done = ["he has bought more"]
        else:
            done = _send_off(own, wish, may_stay=may_stay, ctx=ctx)
    with ctx.transaction() as conn:
        disconnects.settle(conn, wish, "done", "; ".join(done) or "he was nowhere")
        # Who paid while he was locked, or before a run that was killed at it: being provisioned unlocks his user.
        again = disconnects.running_subscription(conn, wish.user_id)
        if again is not None and (wish.is_expiry or not may_stay):
            ProvisionUserInMikroTikJob(subscription_id=again).dispatch(conn)
    log.info("disconnect %d (%s): %s", wish.id, wish.key, "; ".join(done) or "he was nowhere")


def _send_off(own: psycopg.Connection[Any], wish: Wish, *, may_stay: bool, ctx: qsup.Context) -> list[str]:
    """All his routers are tried before an error ends the job; what was done, in words."""
    done: list[str] = []
    refused: list[str] = []
    away: list[str] = []
    until = time.monotonic() + max(1.0, ctx.timeout - SECONDS_TO_RECORD)
    for door in disconnects.doors(own, wish, disconnects.open_sessions(own, wish), _default_router()):
        try:
            done.append(_at(own, door, wish, may_stay=may_stay, until=until).text)
        except Unreachable as error:
            away.append(str(error))
        except (Refused, SettingMissing) as error:
            refused.append(str(error))
    if refused or away:
        said = "; ".join(dict.fromkeys([*refused, *away]))
        final = not away or ctx.attempt >= ctx.tries
        disconnects.settle(own, wish, "failed" if final else "waiting", said)
        raise qsup.Discard(said) if not away else Unreachable(said)
    return done


def _at(own: psycopg.Connection[Any], door: Door, wish: Wish, *, may_stay: bool, until: float) -> Left:
    """Send him off one router. Raises Refused, Unreachable, SettingMissing."""
    way = disconnect_way()
    if way == "radius" or door.api is None:
        return by_radius(radius_settings(door.name), wish, door.sessions)
    try:
        return _by_api(own, door, wish, may_stay=may_stay, until=until)
    except SettingMissing:
        # A hotspot that is run by RADIUS alone needs no credentials of routers.
        if way == "api":
            raise
        return by_radius(radius_settings(door.name), wish, door.sessions)
    except Refused as error:
        # Without a session that RADIUS knows, nobody could say whether he is there.
        if way == "api" or not door.sessions:
            raise
        log.info("disconnect %d: %s; by RADIUS then", wish.id, error)
        return by_radius(radius_settings(door.name), wish, door.sessions)


def _by_api(own: psycopg.Connection[Any], door: Door, wish: Wish, *, may_stay: bool, until: float) -> Left:
    settings = settings_of(door.name, door.api or "")
    seconds = max(1.0, min(settings.deadline, until - time.monotonic()))
    try:
        left = by_api(settings, wish, door, may_stay=may_stay, seconds=seconds)
    except ROUTER_ERRORS as error:
        text, kind = text_of(error), class_of(error)
        problem = FLAGGED.get(kind)
        provisioning.note_router(
            own, settings.address, online=kind != "network", problem=problem, detail=f"{kind}: {text}"
        )
        if is_worth_another_try(error):
            raise Unreachable(f"router {settings.address}: {text}") from None
        raise Refused(f"router {settings.address} refuses ({kind}): {text}") from None
    provisioning.note_router(own, settings.address, online=True)
    return left


def _default_router() -> str | None:
    """The address of the setting ROUTER, if there is one."""
    try:
        return router_settings().address
    except SettingMissing:
        return None
