"""Fleet: eighteen workers that import what the hotspot's do. How soon are they there, and what do they cost idle?"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.arena import Arena
from bench.contestant import Contestant, OnPostgres
from bench.figures import Figure
from bench.measures.measure import Measure, Target
from bench.peers.contestants import Huey, PgqueuerSingly, Procrastinate
from bench.peers.laravel import Laravel
from bench.peers.present import forgiven, once
from bench.peers.redis import Celery, Dramatiq, Rq
from bench.processes import cpu_seconds, memory
from bench.product import Qsup

START_SECONDS, JOB_SECONDS = 90.0, 120.0
JOBS_EACH = 40
"""Some take dozens of jobs at once: enough for everybody."""


def run(arena: Arena, number: int) -> Iterator[Figure]:
    """Twice each: with jobs to see when all work, and without to see what idleness costs."""
    contestants: list[Contestant] = [Qsup(arena, hotspot=True)]
    for peer in once(arena, number, Procrastinate, Laravel, PgqueuerSingly, Huey, Celery, Dramatiq, Rq):
        peer.hotspot = True
        contestants.append(peer)
    for contestant in contestants:
        with forgiven(contestant, "fleet"):
            ready = launch_seconds(contestant, arena.scale.fleet)
            yield Figure("launch to all at work, s", contestant.name, ready, "s")
            yield from idle(contestant, ready)


def launch_seconds(contestant: Contestant, workers: int) -> float:
    """Until every worker has begun a job. Raises TimeoutError."""
    contestant.stock(0)
    contestant.produce("slow", workers * JOBS_EACH, JOB_SECONDS)
    marks = contestant.arena.marks
    with contestant.running(workers, deployed=True) as fleet:
        deadline = time.monotonic() + START_SECONDS
        while len(marks.pids()) < workers:
            if time.monotonic() > deadline or not fleet.alive():
                raise TimeoutError(f"{len(marks.pids())} of {workers} work: {fleet.end_of_log()}")
            time.sleep(0.005)
        seen: dict[int, int] = {}
        for moment, _, pid in marks.read():
            seen.setdefault(pid, moment)
        return (sorted(seen.values())[workers - 1] - fleet.launched) / 1e9


def idle(contestant: Contestant, ready: float) -> Iterator[Figure]:
    """Memory, connections, processor time and statements, with an empty store."""
    arena, name = contestant.arena, contestant.name
    contestant.stock(0)
    if isinstance(contestant, OnPostgres):
        arena.server.log_statements(contestant.database)
    with contestant.running(arena.scale.fleet, deployed=True) as fleet:
        time.sleep(ready + contestant.settle)
        seconds = arena.scale.idle_seconds
        cpu, said = cpu_seconds(fleet.pids()), arena.server.statements()
        time.sleep(seconds)
        used, asked = cpu_seconds(fleet.pids()) - cpu, arena.server.statements() - said
        yield Figure("memory, MiB", name, memory(fleet.pids()), "MiB")
        yield Figure("idle, % of a core", name, used / seconds * 100, "%")
        if isinstance(contestant, OnPostgres):
            yield Figure("connections", name, arena.server.connections(contestant.database), "")
            yield Figure("statements a second, idle", name, asked / seconds, "1/s")


WHO = "qsup, prefetch: auto"

MEASURE = Measure(
    "fleet",
    "Eighteen workers with the hotspot's imports",
    "From the launch to the moment when every worker has begun a job; then, started again without jobs: memory "
    "(PSS) and processor time of everything but PostgreSQL, connections, and the statements that PostgreSQL was "
    "asked. The peers once; those that do not keep their workers running themselves are run by supervisord. "
    "Laravel's have nothing to import.",
    run,
    (
        Target("launch to all at work, s", WHO, most=0.8),
        Target("memory, MiB", WHO, most=110),
        Target("connections", WHO, most=2),
        Target("idle, % of a core", WHO, most=0.3),
        Target("statements a second, idle", WHO, most=2),
    ),
    less_is_better=True,
)
