"""The jobs of qsup's project in the bench; copied into it as jobs.py."""

from __future__ import annotations

import qsup
from bench.apps import imports
from bench.apps.mark import mark, mark_and_sleep

imports.load()


class Mark(qsup.Job):
    """Does nothing but say so."""

    i: int


class Sleep(qsup.Job):
    """Says so, and takes its time."""

    i: int
    seconds: float


def noop(job: Mark, ctx: qsup.Context) -> None:  # noqa: ARG001  a handler is given both
    """Handler of Mark."""
    mark(job.i)


def sleep(job: Sleep, ctx: qsup.Context) -> None:  # noqa: ARG001  a handler is given both
    """Handler of Sleep."""
    mark_and_sleep(job.i, job.seconds)
