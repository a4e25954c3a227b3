"""RQ's workers: its own class, which forks for each job, with what everybody imports loaded before."""

from __future__ import annotations

import rq

from bench.apps import imports
from bench.apps.mark import mark as noop
from bench.apps.mark import mark_and_sleep as sleep

__all__ = ["Loaded", "noop", "sleep"]


class Loaded(rq.Worker):
    """Nothing of its own: naming it makes the pool import this module."""


imports.load()
