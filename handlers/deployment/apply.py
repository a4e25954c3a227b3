"""Writing a plan to a router, removing what is surplus, and the one thing that is looked at before the first write."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, ip_address

from handlers.deployment.blueprint import Command, Wanted
from handlers.deployment.journal import Journal
from handlers.deployment.link import Link, Refused
from handlers.deployment.plan import Plan


class Stale(Exception):
    """The router is not as it was when the plan was made: look again."""


def refuse_lock_out(link: Link, wanted: Wanted, user: str) -> None:
    """Raise Refused unless the management network holds every address that our account is connected from.

    The API answers that network only once the last command is done: this session would have been the last one.
    """
    allowed = IPv4Network(wanted.management)
    outside = [address for address in link.peers(user) if not _is_in(address, allowed)]
    if outside:
        raise Refused(
            "conflict",
            f"the variable mgmt_net is {allowed}, but the router sees us at {outside[0]}: this would lock us out",
        )


def apply(link: Link, journal: Journal, plan: Plan, tell: Callable[[Command], None]) -> None:
    """Every write of the plan, each in the journal first. Raises Stale, or what Link raises."""
    for refusal in plan.refusals:
        raise Refused(refusal.kind, refusal.text)
    for write in plan.writes:
        tell(write.command)
        journal.begin(write)
        try:
            row_id = link.write(write)
        except Refused as refused:
            if refused.kind not in {"duplicate", "gone"}:
                # It may have been done all the same: an error does not prove the opposite.
                raise Refused(refused.kind, f"command {write.command.n} {write.command.path}: {refused.text}") from None
            journal.end(refused=True)
            raise Stale(f"command {write.command.n} {write.command.path}: {refused.text}") from None
        journal.end(row_id)
    journal.flush()


def remove_surplus(link: Link, journal: Journal, plan: Plan) -> None:
    """Remove our own rows that are there twice or not wanted any more. Nothing of this can be taken back."""
    for surplus in plan.surplus:
        journal.removes(surplus)
        link.remove(surplus.path, surplus.id)


def _is_in(address: str, network: IPv4Network) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:
        return False
