"""A customer's rows on a router: the profile of his package, and his user, or no user where RADIUS decides.

Own rows are known by their comment (users) or their name (profiles); nobody else's are touched. All values
are absolute.
"""

from __future__ import annotations

from handlers.provisioning import Order
from handlers.router import Router, Row
from handlers.router_values import duration

PROFILES = "/ip/hotspot/user/profile"
USERS = "/ip/hotspot/user"
OURS = "qsup:hs:user:"


class ForeignUser(Exception):
    """Somebody else's local user has the customer's name; only a person can say what is to become of it."""


def put_on_router(router: Router, server: str, order: Order) -> str:
    """Profile first, because the user names it; what was done, for the log. Raises ForeignUser, ROUTER_ERRORS."""
    profile = f"qsup-{order.package}"
    limits = {"rate-limit": order.rate_limit, "shared-users": str(order.shared_users)}
    limits["idle-timeout"] = duration(order.idle_timeout) if order.idle_timeout else "none"
    done = f"profile {router.ensure(PROFILES, {'name': profile}, limits)}"
    rows = router.rows(USERS, name=order.username)
    _refuse_foreign(rows, server, order)
    if order.authority == "radius":
        return f"{done}, user {_remove(router, rows)}"
    user = {
        "password": order.password,
        "profile": profile,
        # Compared with the user's total uptime and bytes: the sum of all that was bought, never an addition.
        "limit-uptime": duration(order.bought),
        "limit-bytes-total": str(order.bytes or 0),
        "comment": f"{OURS}{order.user_id}",
        "disabled": "no",
    }
    return f"{done}, user {router.ensure(USERS, {'name': order.username, 'server': server}, user)}"


def _refuse_foreign(rows: list[Row], server: str, order: Order) -> None:
    """A local user wins over RADIUS, so that one on any server that is also ours is in the way in both cases."""
    for row in rows:
        where = str(row.get("server", "all"))
        meets = where == server or (order.authority == "radius" and "all" in {where, server})
        if meets and not str(row.get("comment", "")).startswith(OURS):
            raise ForeignUser(
                f"a local user {order.username} that is not ours is on the router (server {where}): left as it is;"
                f" remove it, or give it the comment {OURS}{order.user_id}"
            )


def _remove(router: Router, rows: list[Row]) -> str:
    """Our own local users of this name; gone meanwhile is as good."""
    ours = [row for row in rows if str(row.get("comment", "")).startswith(OURS)]
    for row in ours:
        router.remove_row(USERS, row)
    return "removed" if ours else "left to RADIUS"
