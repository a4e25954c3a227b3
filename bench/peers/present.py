"""Which peers take part."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.arena import Arena
from bench.contestant import Contestant
from bench.peers import laravel, redis
from bench.peers.contestants import Huey, Peer, Pgqueuer, PgqueuerSingly, Procrastinate
from bench.peers.laravel import Laravel
from bench.peers.redis import Celery, Dramatiq, Rq

NEEDS: dict[type[Peer], tuple[str, ...]] = {
    Procrastinate: ("procrastinate",),
    Pgqueuer: ("pgqueuer",),
    PgqueuerSingly: ("pgqueuer",),
    Huey: ("huey",),
    Celery: ("celery",),
    Dramatiq: ("dramatiq",),
    Rq: ("rq",),
    Laravel: (),
}
"""What has to be installed, by the names of bench.peers.environment."""
BESIDES: dict[type[Peer], Callable[[], bool]] = {
    Celery: redis.is_there, Dramatiq: redis.is_there, Rq: redis.is_there, Laravel: laravel.is_there,
}  # fmt: skip
"""Whether the machine has what else they need."""


@contextmanager
def forgiven(contestant: Contestant, measure: str) -> Iterator[None]:
    """A peer that fails is remarked upon, and the others go on; anybody else's failure is the bench's."""
    try:
        yield
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        if not isinstance(contestant, Peer):
            raise
        print(f"{contestant.name} failed in {measure}: {error}", file=sys.stderr)
        contestant.arena.remarks.append(f"{contestant.name} failed in a round of {measure}: {type(error).__name__}.")


def with_peers(arena: Arena, *kinds: type[Peer]) -> list[Peer]:
    """Those of the kinds that are installed."""
    return [
        kind(arena)
        for kind in kinds
        if arena.peers.issuperset(NEEDS[kind]) and (kind not in BESIDES or BESIDES[kind]())
    ]


def once(arena: Arena, number: int, *kinds: type[Peer]) -> list[Peer]:
    """The same for a measure in which peers need minutes: only in the first round of a thorough run."""
    return with_peers(arena, *kinds) if arena.scale.thorough and number == 1 else []
