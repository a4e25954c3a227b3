"""Rounds: every measure of the run once, then again; figures are kept as they come."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bench.arena import Arena
from bench.figures import Figure
from bench.measures.measure import Measure


def play(arena: Arena, measures: Iterable[Measure], rounds: int, failed: list[str]) -> Iterator[Figure]:
    """The figures of all rounds. A measure that fails is told on stderr and in `failed`, and the others go on."""
    chosen, over = list(measures), time.monotonic() + arena.scale.minutes * 60
    for number in range(1, rounds + 1):
        for measure in chosen:
            begin = time.monotonic()
            if begin > over:
                print(f"{measure.name} is left out: {arena.scale.minutes:g} minutes are over", file=sys.stderr)
                continue
            try:
                for figure in measure.run(arena, number):
                    found = replace(figure, round=number, measure=measure.name)
                    tell(found)
                    yield found
            except Exception:
                traceback.print_exc()
                failed.append(f"{measure.name}, round {number}")
            print(f"[{measure.name}, round {number}: {time.monotonic() - begin:.0f} s]", file=sys.stderr, flush=True)


def tell(figure: Figure) -> None:
    """A line while one waits."""
    print(f"{figure.measure} {figure.round}  {figure.case:24}  {figure.who:32} {figure.value:12,.2f} {figure.unit}",
          file=sys.stderr, flush=True)  # fmt: skip
