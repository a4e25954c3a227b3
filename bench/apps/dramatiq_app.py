"""Dramatiq's workers."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.apps import imports
from bench.apps.mark import mark, mark_and_sleep

imports.load()
dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_REDIS"]))


@dramatiq.actor
def noop(i: int) -> None:
    """Does nothing but say so."""
    mark(i)


@dramatiq.actor
def sleep(i: int, seconds: float) -> None:
    """Takes its time."""
    mark_and_sleep(i, seconds)
