"""Versions: the drain on every major version of PostgreSQL that is on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.arena import Arena
from bench.figures import Figure
from bench.limits.table import Dispatcher
from bench.measures.drain import drained
from bench.measures.measure import Measure
from bench.product import Qsup
from bench.server import Server

WORKERS = 4
OTHERS = "usr/lib/postgresql/*/bin"
"""Where Debian keeps them, below /."""


def run(arena: Arena, _number: int) -> Iterator[Figure]:
    """The bench's server, then the others, each with a server of its own."""
    yield from drains(arena)
    for programs in sorted(Path("/").glob(OTHERS)):
        if programs.parent.name != arena.server.version.partition(".")[0] and (programs / "postgres").exists():
            with beside(arena, programs) as other:
                yield from drains(other)


@contextmanager
def beside(arena: Arena, programs: Path) -> Iterator[Arena]:
    """The same arena with another server."""
    other = arena.with_server(Server(arena.folder / f"postgresql{programs.parent.name}" / ".qsup", programs))
    try:
        yield other
    finally:
        other.server.stop()


def drains(arena: Arena) -> Iterator[Figure]:
    """Four of them."""
    case = f"PostgreSQL {arena.server.version}"
    for contestant in (Dispatcher(arena), Qsup(arena, 0), Dispatcher(arena, 3), Qsup(arena)):
        contestant.stock(contestant.jobs())
        yield Figure(case, contestant.name, drained(contestant, WORKERS, contestant.jobs()).rate)


MEASURE = Measure(
    "versions",
    "Drain on other versions of PostgreSQL, 4 workers",
    "The bench's own PostgreSQL and each other major version that is installed on the machine, with the same settings.",
    run,
)
