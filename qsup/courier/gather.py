"""Whether the next claim waits a moment for more ends: pure arithmetic.

A claim for four workers takes nearly the time of a claim for one: its flush, its statement, our turn are there once.
Workers that end during a claim ride in the next one, those that it feeds in the one behind that: two of four, for ever.
A moment's patience brings them together: 3.6 ends with each claim instead of 1.9, and a third more jobs a second
(four workers, `prefetch: 0`; ADR 30).
"""

from __future__ import annotations

from collections.abc import Iterable

from qsup.courier.pace import Pace
from qsup.courier.peers import Peer

SHARE = 0.5
"""Of a claim's time: who has ended waits no longer for the others."""
LONGEST = 0.002
"""Seconds; a database that answers slowly must not make us slow as well."""
STEPS = 6
ENOUGH = 8
"""Ends: what comes on top saves little. Eighteen workers keep two processors busy without."""


def patience(cost: float) -> float:
    """Seconds to wait at the most, when a claim takes `cost` seconds."""
    return min(LONGEST, SHARE * cost)


def worth(ends: int, connected: Iterable[Peer], pace: Pace, cost: float, now: float) -> bool:
    """Whether beside these `ends`, which are to be recorded, another one is soon to come that they could ride with."""
    if not 0 < ends < ENOUGH:
        return False
    # What jobs are seen to take includes the moment that their end has waited here.
    short = cost + patience(cost)
    coming = (peer for peer in connected if peer.at_work == 1 and now - peer.head_at < short)
    return any(pace.seconds(peer.pool) < short for peer in coming)
