"""Which peers take part."""

from __future__ import annotations

from bench.arena import Arena
from bench.peers.contestants import Huey, Peer, Pgqueuer, PgqueuerSingly, Procrastinate
from bench.peers.redis import Celery, Dramatiq, is_there

NEEDS: dict[type[Peer], tuple[str, ...]] = {
    Procrastinate: ("procrastinate",),
    Pgqueuer: ("pgqueuer",),
    PgqueuerSingly: ("pgqueuer",),
    Huey: ("huey",),
    Celery: ("celery",),
    Dramatiq: ("dramatiq",),
}
"""What has to be installed, by the names of bench.peers.environment."""
REDIS = (Celery, Dramatiq)


def with_peers(arena: Arena, *kinds: type[Peer]) -> list[Peer]:
    """Those of the kinds that are installed."""
    return [
        kind(arena)
        for kind in kinds
        if arena.peers.issuperset(NEEDS[kind]) and (not issubclass(kind, REDIS) or is_there())
    ]
