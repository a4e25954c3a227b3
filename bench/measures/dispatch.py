"""Dispatch: how many jobs a second can be put in, each durable when the call returns."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from bench.arena import Arena
from bench.contestant import Contestant
from bench.figures import Figure
from bench.limits.table import Dispatcher
from bench.measures.measure import Measure, Target
from bench.peers.contestants import Huey, Pgqueuer, Procrastinate
from bench.peers.laravel import Laravel
from bench.peers.present import forgiven, with_peers
from bench.peers.redis import Celery, Dramatiq, Rq
from bench.product import Qsup

SIZE = 1_000
CONNECTIONS = (1, 4)
BULK = "1,000 in a call"


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """Each way to put jobs in: over one connection, over four, and many with each call."""
    for who, producer, contestant in ways(arena):
        with forgiven(contestant, "dispatch"):
            for connections in CONNECTIONS:
                empty(contestant)
                rate = contestant.produce("one", arena.scale.seconds, connections, producer=producer)
                yield Figure(case(connections), who, rate)
            if producer not in WITHOUT_BULK:
                empty(contestant)
                yield Figure(BULK, who, contestant.produce("many", arena.scale.seconds, SIZE, producer=producer))


WITHOUT_BULK = ("notifying", "qsup-unique", "huey", "celery", "dramatiq")


def ways(arena: Arena) -> list[tuple[str, str, Contestant]]:
    """(its name in the table, producer, whose store)."""
    bare, qsup = Dispatcher(arena), Qsup(arena)
    others = (Laravel, Huey, Celery, Dramatiq, Rq) if arena.scale.thorough else ()
    peers = with_peers(arena, Procrastinate, Pgqueuer, *others)
    return [
        ("bare INSERT", "bare", bare), ("bare INSERT and NOTIFY", "notifying", bare),
        ("INSERT into qsup's table", "closed", qsup),
        ("qsup, Job.dispatch()", "qsup", qsup), ("qsup, SQL function", "qsup-sql", qsup),
        ("qsup, SQL function, unique key", "qsup-unique", qsup), *((one.name, one.producer, one) for one in peers),
    ]  # fmt: skip


def empty(contestant: Contestant) -> None:
    """An empty store. qsup's looks as it does while all workers are busy: one is alive, nobody waits for a NOTIFY."""
    contestant.stock(0)
    if isinstance(contestant, Qsup):
        with psycopg.connect(contestant.dsn, autocommit=True) as conn:
            conn.execute(contestant.SOMEBODY_LISTENS)


def case(connections: int) -> str:
    """`1 connection`"""
    return f"{connections} connection{'s' if connections > 1 else ''}"


MEASURE = Measure(
    "dispatch",
    "Dispatch",
    "No workers run. One job after the other, each with its own commit, over one connection and from four "
    "processes with one each; and 1,000 jobs with each call. An INSERT into qsup's table, past its functions, is what "
    "foreign keys, CHECKs and indexes cost.",
    run,
    (
        *(
            Target(case(connections), who, ("bare INSERT",), least=0.7)
            for connections in CONNECTIONS
            for who in ("qsup, Job.dispatch()", "qsup, SQL function")
        ),
        Target(BULK, "qsup, Job.dispatch()", ("procrastinate", "pgqueuer", Laravel.name), least=1.2),
        Target(BULK, "qsup, SQL function", ("procrastinate", "pgqueuer", Laravel.name), least=1.2),
    ),
)
