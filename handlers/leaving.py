"""How a customer is sent off one router: by its API, or by RADIUS Disconnect-Request. Gone already is done.

RADIUS's accounting is not touched here: the router reports the end, and what it cannot report the cleaner closes.
"""

from __future__ import annotations

from dataclasses import dataclass

from handlers import coa
from handlers.disconnects import Door, Session, Wish
from handlers.router import Router, Row
from handlers.settings import RadiusSettings, RouterSettings

ACTIVE = "/ip/hotspot/active"
COOKIES = "/ip/hotspot/cookie"
USERS = "/ip/hotspot/user"


class Refused(Exception):
    """The router answers and will not do it; asking again will not help."""


class Unreachable(Exception):
    """The router does not answer, or says that it cannot at this moment: worth another try."""


@dataclass(frozen=True, slots=True)
class Left:
    """What was done at one router, for the log and the row."""

    sessions: int
    cookies: int
    text: str


def by_api(settings: RouterSettings, wish: Wish, door: Door, *, may_stay: bool, seconds: float) -> Left:
    """End his sessions, forget his cookies (they would log him in again), lock our own user if he `may_stay` not.

    Locked first: between the other two he would be back at once. Disabled, not removed: the router counts the user's
    uptime there, which limit-uptime is compared with. Raises handlers.router_errors.ROUTER_ERRORS.
    """
    devices = {session.mac for session in door.sessions} if wish.session is not None else None
    with Router(settings, seconds=seconds) as router:
        users = [] if may_stay else router.rows(USERS, name=wish.username)
        locked = [_lock(router, wish, row) for row in users]
        cookies = [router.remove_row(COOKIES, row) for row in _his(router, COOKIES, wish, devices)]
        sessions = [router.remove_row(ACTIVE, row) for row in _his(router, ACTIVE, wish, devices)]
    text = f"{settings.address}: {sum(sessions)} sessions ended, {sum(cookies)} cookies forgotten"
    return Left(sum(sessions), sum(cookies), f"{text}, user locked" if any(locked) else text)


def by_radius(settings: RadiusSettings, wish: Wish, sessions: list[Session]) -> Left:
    """Ask for the end of each session where it is, all of them before an error is raised.

    Raises Refused, Unreachable.
    """
    ended = 0
    refused: list[str] = []
    away: list[str] = []
    for session in sessions:
        router = (str(session.router_address), settings.coa_port)
        try:
            answer = coa.disconnect(
                router,
                settings.secret,
                username=wish.username,
                session_id=session.session_id,
                address=session.address,
                timeout=settings.coa_timeout,
            )
        except coa.NoAnswer as error:
            away.append(str(error))
            continue
        ended += answer.acknowledged
        if not answer.acknowledged and answer.cause != coa.GONE:
            passing = answer.cause in coa.PASSING
            (away if passing else refused).append(f"{router[0]} refuses Disconnect-Request: {answer.text}")
    if refused or away:
        raise (Unreachable if away else Refused)("; ".join([*away, *refused]))
    return Left(ended, 0, f"by RADIUS: {ended} of {len(sessions)} sessions ended, the others had gone")


def _lock(router: Router, wish: Wish, row: Row) -> bool:
    """Only a row that is ours: somebody may have made a user of that name by hand."""
    return row.get("comment") == f"qsup:hs:user:{wish.user_id}" and router.change_row(USERS, row, {"disabled": "yes"})


def _his(router: Router, menu: str, wish: Wish, devices: set[str | None] | None) -> list[Row]:
    """His rows of a menu; with `devices` (MAC addresses) only theirs."""
    rows = router.rows(menu, user=wish.username)
    if devices is None:
        return rows
    macs = {mac.upper() for mac in devices if mac}
    return [row for row in rows if str(row.get("mac-address", "")).upper() in macs]
