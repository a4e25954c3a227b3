"""Huey's workers, on SQLite with its defaults: a log that is flushed at each commit, results not kept."""

from __future__ import annotations

import os

from huey import SqliteHuey

from bench.apps import imports
from bench.apps.mark import mark, mark_and_sleep

imports.load()
huey = SqliteHuey(filename=os.environ["BENCH_FILE"], results=False)


@huey.task()
def noop(i: int) -> None:
    """Does nothing but say so."""
    mark(i)


@huey.task()
def sleep(i: int, seconds: float) -> None:
    """Takes its time."""
    mark_and_sleep(i, seconds)
