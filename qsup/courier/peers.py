"""The workers' ends of the courier's sockets: who is who, what each was given, who is free."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qsup.courier.ports import Wire
from qsup.rows import Claimed, Key

STILL_SHORT = 0.1
"""Seconds that a job may have run for others to be put behind it."""
STRANGER_LIMIT = 10.0
"""Seconds for the supervisor's Alive to overtake the hello of its worker; a stranger's connection is then closed."""


@dataclass(slots=True, eq=False)
class Kept:
    """A job that is claimed for a worker and not sent yet."""

    job: Claimed
    leased: float
    """When its claim was sent."""
    number: int = 0
    """With which it may be taken back (Board.take_back); 0 = never."""
    line: Any = None
    """What its worker is to be sent, once it is written."""


@dataclass(slots=True, eq=False)
class Peer:
    """One connection of a worker."""

    channel: Wire
    pid: int
    slot: str = ""
    """Empty until it has said hello."""
    pool: str = field(init=False, default="")
    """The queue whose worker it is."""
    jobs: dict[Key, Claimed] = field(default_factory=dict)
    """Claimed for it and not reported yet."""
    kept: deque[Kept] = field(default_factory=deque)
    """Those of them that it gets one by one, each when the end of the one before is stored."""
    recorded: list[Key] = field(default_factory=list)
    """Its outcomes that are stored, since its last job."""
    leaving: bool = False
    last: int = 0
    """The number of the last job that it was handed."""
    head_at: float = 0.0
    """When the job that it must be running could begin."""
    since: float = 0.0
    """When it came."""
    looked: int = 0
    """Up to which number its jobs were seen to be begun or were taken back."""
    stalled: bool = False
    """It did not begin a job for long (somebody has stopped it): it gets no other before it says something."""

    def __post_init__(self) -> None:
        self.name(self.slot)

    def name(self, slot: str) -> None:
        """It is the worker of this slot."""
        self.slot, self.pool = slot, slot.rpartition(":")[0]

    @property
    def at_work(self) -> int:
        """How many jobs it has been sent and has not reported yet."""
        return len(self.jobs) - len(self.kept)


class Peers:
    """All connections, and the workers that the supervisor says are alive."""

    def __init__(self) -> None:
        self.alive: dict[str, int] = {}
        self.connected: list[Peer] = []
        self.by_slot: dict[str, Peer] = {}
        self.abandoned: dict[tuple[str, int], dict[Key, Claimed]] = {}
        """Jobs of workers whose connection ended: theirs until they say hello again or are reported dead."""

    def known(self) -> list[Peer]:
        """The connections whose worker the supervisor has told us about; the hello of another waits in its socket."""
        if len(self.by_slot) == len(self.connected):
            return list(self.connected)
        pids = set(self.alive.values())
        return [peer for peer in self.connected if peer.slot or peer.pid in pids]

    def drop_strangers(self, now: float) -> None:
        """Connections that the supervisor never told us about."""
        if len(self.by_slot) == len(self.connected):
            return
        known = self.known()
        for peer in [peer for peer in self.connected if peer not in known]:
            if now - peer.since > STRANGER_LIMIT:
                self.drop(peer)

    def greet(self, peer: Peer, slot: str) -> bool:
        """It says that it is `slot`; false (and closed) when the supervisor knows another pid there."""
        if self.alive.get(slot) != peer.pid:
            self.drop(peer)
            return False
        old = self.by_slot.get(slot)
        if old is not None:
            self.drop(old)
        peer.name(slot)
        self.by_slot[slot] = peer
        return True

    def drop(self, peer: Peer) -> None:
        """The connection is over."""
        peer.channel.close()
        if peer in self.connected:
            self.connected.remove(peer)
        if peer.slot and self.by_slot.get(peer.slot) is peer:
            del self.by_slot[peer.slot]
        if peer.slot and peer.jobs:
            self.abandoned.setdefault((peer.slot, peer.pid), {}).update(peer.jobs)

    def died(self, slot: str, pid: int) -> dict[Key, Claimed]:
        """The worker is dead: everything that it had been given and has not reported."""
        if self.alive.get(slot) == pid:
            del self.alive[slot]
        peer = self.by_slot.get(slot)
        if peer is not None and peer.pid == pid:
            self.drop(peer)
        return self.abandoned.pop((slot, pid), {})

    def piled(self) -> bool:
        """Whether some worker has more than one job."""
        return any(len(peer.jobs) > 1 for peer in self.connected)

    def keeping(self) -> Iterator[Peer]:
        """Workers for which jobs are kept."""
        return (peer for peer in self.by_slot.values() if peer.kept)

    def free(self, depths: Mapping[str, int], now: float, kept: Collection[str] = ()) -> dict[str, list[str]]:
        """The slots of each pool that can take a job now, as often as they can; idle ones first.

        Nothing is put behind a job that has been running for a while: it would only have to be taken back. In the pools
        where jobs are `kept` nobody gets more before somebody has none; then all do that have half or less.
        """
        found: dict[str, list[tuple[int, str]]] = {}
        for slot, peer in self.by_slot.items():
            has, most = len(peer.jobs), depths.get(peer.pool, 0)
            plenty = most // 2 + 1 if peer.pool in kept else most
            if has >= plenty or peer.leaving or peer.stalled or peer.channel.closed:
                continue
            # One that does not read what it was sent gets no more of it.
            if not has or (now - peer.head_at <= STILL_SHORT and not peer.channel.unsent):
                found.setdefault(peer.pool, []).extend((place, slot) for place in range(has, most))
        asked = {pool: sorted(places) for pool, places in found.items() if pool not in kept or min(places)[0] == 0}
        return {pool: [slot for _, slot in places] for pool, places in asked.items()}

    def supplied(self, plenty: int) -> bool:
        """Whether some worker has a job, and each that has one has more than `plenty`."""
        has = [len(peer.jobs) for peer in self.connected if peer.jobs]
        return bool(has) and min(has) > plenty

    def piled_up(self, now: float, seconds: float) -> list[Peer]:
        """Workers that have been at one job for so long while others wait behind it."""
        return [peer for peer in self.by_slot.values() if len(peer.jobs) > 1 and now - peer.head_at > seconds]

    def unbegun(self, now: float, seconds: float) -> list[Peer]:
        """Workers that were handed a job so long ago that they must be at it, and of which nobody has looked."""
        return [
            peer
            for peer in self.by_slot.values()
            if peer.jobs and peer.looked != peer.last and now - peer.head_at > seconds
        ]

    def given(self) -> list[Key]:
        """Every claim that some worker has, as far as we know."""
        return [*self.connected_with(), *(key for jobs in self.abandoned.values() for key in jobs)]

    def connected_with(self) -> set[Key]:
        """The claims that were given over a connection that still is."""
        return {key for peer in self.connected for key in peer.jobs}

    def forget(self, key: Key) -> None:
        """Nobody is expected to come back with it."""
        for jobs in self.abandoned.values():
            jobs.pop(key, None)

    def pools_alive(self) -> set[str]:
        """The pools that have at least one living worker."""
        # A copy: the house asks from its own thread.
        return {slot.rpartition(":")[0] for slot in list(self.alive)}
