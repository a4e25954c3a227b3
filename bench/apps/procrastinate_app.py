"""procrastinate's workers: one job at a time each, as `worker -c 1` with a plain function does."""

from __future__ import annotations

import os

import procrastinate

from bench.apps import imports
from bench.apps.mark import mark, mark_and_sleep

imports.load()
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_DSN"]))


@app.task(name="noop", queue="default")
def noop(i: int) -> None:
    """Does nothing but say so."""
    mark(i)


@app.task(name="sleep", queue="default")
def sleep(i: int, seconds: float) -> None:
    """Takes its time."""
    mark_and_sleep(i, seconds)
