"""Celery's workers, set so that a job is acknowledged when it is done: its default loses the job of a killed worker."""

from __future__ import annotations

import os

from celery import Celery

from bench.apps import imports
from bench.apps.mark import mark, mark_and_sleep

imports.load()
app = Celery("bench", broker=os.environ["BENCH_REDIS"])
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
)


@app.task(name="noop")
def noop(i: int) -> None:
    """Does nothing but say so."""
    mark(i)


@app.task(name="sleep")
def sleep(i: int, seconds: float) -> None:
    """Takes its time."""
    mark_and_sleep(i, seconds)
