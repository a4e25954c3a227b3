"""Random states of the tables, and what couriers claim in them: by their own bookkeeping and their own statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from psycopg import Connection

from qsup import declare, store
from qsup.courier.claims import Claims
from qsup.routing import Route, Routing
from qsup.rows import Claimed
from qsup.solo import one_slot
from tests.courier.rig import a_queue

NOW = 1e6
QUEUES = ("a", "b", "c", "d", "z")
"""`b` is served by the workers of `a`, `d` is declared without workers, `z` is retired."""


def a_file(*, odd: bool = True, c: bool = True, everything: bool = False) -> Routing:
    """The file; older ones route no Odd, or declare no `c`; a later one gives workers to all queues."""
    workers = {"a": 2, "b": 0} | ({"c": 1} if c else {}) | ({"d": 1, "z": 1} if everything else {"d": 0})
    jobs = ["Note", "Odd"] if odd else ["Note"]
    return Routing(
        queues={
            name: a_queue(name, workers=count, workers_of="a" if name == "b" else None)
            for name, count in workers.items()
        },
        routes={job: Route(job=job, queue="a", handler="m:run") for job in jobs},
        payload_limit=1000,
        database=None,
        code=(),
    )


@dataclass(frozen=True)
class Host:
    """A process that has signed on: `qsup run`, or a solo worker of the queue `solo`."""

    solo: str | None
    odd: bool
    c: bool
    alive: bool
    pools: frozenset[str]
    """Those with living workers."""
    everything: bool = False

    @property
    def routing(self) -> Routing:
        """Its file."""
        return a_file(odd=self.odd, c=self.c, everything=self.everything)

    @property
    def served(self) -> Routing:
        """What it claims for."""
        return one_slot(self.routing, self.solo) if self.solo else self.routing

    @property
    def listens(self) -> list[str]:
        """As its courier says in the heartbeat."""
        return [name for name in self.served.queues if self.served.server(name) in self.pools]

    def slots(self, scaled: int | None) -> dict[str, list[str]]:
        """The slots of each pool that lives."""
        found = {
            name: list(one.slots) for name, one in self.served.queues.items() if name in self.pools and one.workers
        }
        if scaled and "a" in found and not self.solo:
            found["a"] = list(replace(self.served.queues["a"], workers=scaled).slots)
        return found


@dataclass(frozen=True)
class Row:
    """A job; `at` chooses the slot of one that runs."""

    queue: str
    job: str
    state: str
    at: int
    tried: bool


@dataclass(frozen=True)
class World:
    """One state of all tables."""

    hosts: Sequence[Host]
    rows: Sequence[Row]
    paused: frozenset[str]
    scaled: int | None

    def slots(self) -> Iterator[tuple[str, str]]:
        """(supervisor, slot) of all that live."""
        for number, host in enumerate(self.hosts):
            for slots in host.slots(self.scaled).values():
                yield from ((f"h{number}", slot) for slot in slots)


HOSTS = st.builds(
    Host,
    solo=st.sampled_from([None, None, "a", "c"]),
    odd=st.booleans(),
    c=st.just(True),
    alive=st.sampled_from([True, True, True, False]),
    pools=st.sampled_from([frozenset("ac"), frozenset("ac"), frozenset("a"), frozenset("c"), frozenset()]),
) | st.builds(
    Host, solo=st.none(), odd=st.booleans(), c=st.just(False), alive=st.just(True), pools=st.just(frozenset("a"))
)
ROWS = st.builds(
    Row,
    queue=st.sampled_from(["a", "a", "b", "b", "c", "c", "d", "z"]),
    job=st.sampled_from(["Note", "Note", "Odd"]),
    state=st.sampled_from(["ready", "ready", "ready", "running", "running", "later", "due"]),
    at=st.integers(0, 9),
    tried=st.booleans(),
)
WORLDS = st.builds(
    World,
    hosts=st.lists(HOSTS, max_size=3),
    rows=st.lists(ROWS, min_size=1, max_size=9),
    paused=st.frozensets(st.sampled_from(QUEUES), max_size=2),
    scaled=st.sampled_from([None, None, 1, 4]),
)


def prepared(db: Connection[Any]) -> None:
    """What all states have in common."""
    # Each state is rolled back; psycopg would then forget all statements, also that of the claim in the next block.
    db.prepare_threshold = None
    declare.apply(db, a_file(), "us")
    db.execute("INSERT INTO qsup.queues (name, workers, retired_at) VALUES ('z', 0, now())")


def made(db: Connection[Any], world: World) -> list[int]:
    """Write the state; returns the ids of the jobs that wait."""
    db.execute(
        "UPDATE qsup.queues SET paused_at = now(), paused_by = 'ann@h' WHERE name = ANY (%s)", (list(world.paused),)
    )
    if world.scaled:
        db.execute("UPDATE qsup.queues SET scale = %s, scaled_from = '{2}' WHERE name = 'a'", (world.scaled,))
    for number, host in enumerate(world.hosts):
        sign_on(db, f"h{number}", host)
    slots = list(world.slots())
    ids = [inserted(db, row, slots) for row in world.rows]
    return [number for number, row in zip(ids, world.rows, strict=True) if row.state != "running" or not slots]


def sign_on(db: Connection[Any], name: str, host: Host) -> None:
    """Its heartbeat, half a minute old when it is dead."""
    store.beat(
        db, name, host=name, pid=7, code="1", config_file="f", generation=1, listens=host.listens,
        declares=declare.declares(host.routing, solo=host.solo is not None),
    )  # fmt: skip
    if not host.alive:
        db.execute("UPDATE qsup.supervisors SET beat_at = clock_timestamp() - interval '31 s' WHERE id = %s", (name,))


INSERT = """
INSERT INTO qsup.jobs (queue, type, payload, state, attempts, available_at, reserved_at, reserved_by, lease_until)
SELECT %(queue)s, %(job)s, '{}', %(state)s, %(attempts)s, clock_timestamp() + make_interval(secs => %(due)s),
       r.at, %(by)s::text, r.at + interval '1 min'
FROM (SELECT CASE WHEN %(by)s::text IS NOT NULL THEN clock_timestamp() END AS at) AS r RETURNING id
"""


def inserted(db: Connection[Any], row: Row, slots: Sequence[tuple[str, str]]) -> int:
    """One job; without any slot nothing runs."""
    running = row.state == "running" and slots
    by = "/".join(slots[row.at % len(slots)]) if running else None
    state = "running" if by else "scheduled" if row.state in ("later", "due") else "ready"
    values = {
        "queue": row.queue, "job": row.job, "state": state, "attempts": int(row.tried), "by": by,
        "due": 3600.0 if row.state == "later" else -60.0,
    }  # fmt: skip
    found = db.execute(INSERT, values).fetchone()
    assert found is not None
    return int(found[0])


def claimed(db: Connection[Any], world: World) -> set[int]:
    """What all couriers that live claim for their free workers, each until it finds nothing more."""
    at_work = {row[0] for row in db.execute("SELECT reserved_by FROM qsup.jobs WHERE state = 'running'")}
    found: set[int] = set()
    for number, host in enumerate(world.hosts):
        if host.alive:
            slots = host.slots(world.scaled)
            free = {pool: [one for one in of if f"h{number}/{one}" not in at_work] for pool, of in slots.items()}
            found |= {one.id for one in courier(db, f"h{number}", host.served, free)}
    return found


def courier(db: Connection[Any], name: str, routing: Routing, free: dict[str, list[str]]) -> Iterator[Claimed]:
    """Claims as qsup.courier.serve does: ask, take, until there is nothing more to ask for."""
    claims = Claims()
    claims.configure(routing)
    while wants := claims.wants(free, NOW):
        _, jobs = store.claim_and_record(db, name, [], wants, {})
        claims.took(wants, jobs, NOW, 0.0)
        for job in jobs:
            free[job.slot.rpartition(":")[0]].remove(job.slot)
        yield from jobs
