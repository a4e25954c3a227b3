"""A row that a dead worker's transaction still holds: its backend has not noticed, and nobody waits for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from qsup.reaper import kill
from tests.courier.rig import Rig
from tests.courier.test_jobs_run import put, ready

IN_TRANSACTION = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'qsup:worker%'
      AND state = 'idle in transaction' AND query LIKE 'INSERT%'
"""


@contextmanager
def stopped_backend(rig: Rig) -> Iterator[None]:
    """The server process of the worker's connection stands still: it keeps its locks whatever happens to the worker."""
    [(backend,)] = rig.until(lambda: rig.rows(IN_TRANSACTION), "it is in its transaction")
    os.kill(backend, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(backend, signal.SIGCONT)


def only_this_is_left(rig: Rig, number: int) -> bool:
    """All other jobs have ended, and this one still counts as running."""
    return rig.rows("SELECT id, state FROM qsup.jobs") == [(number, "running")]


def test_a_job_that_lost_worker_and_courier_while_its_row_was_locked_runs_again(rig: Rig) -> None:
    ready(rig, workers=1)
    number = put(rig, "stay in transaction", "once")
    with stopped_backend(rig):
        rig.courier.kill()
        kill(rig.workers["q:0"], signal.SIGKILL)
        rig.until(lambda: len(rig.deaths) == 1 and rig.serving(), "another worker is there, and no courier knows why")
        rig.new_courier()
        put(rig, text="next")
        rig.until(lambda: only_this_is_left(rig, number), "the next job is done")
    (rig.project / "notes.go").touch()
    rig.until(rig.drained, "it has run again")
    assert rig.rows("SELECT text FROM effects") == [("once",)]
    assert [line.split()[0] for line in rig.lines()].count(str(number)) == 2


def test_the_outcome_of_a_killed_worker_waits_until_its_row_is_free(rig: Rig) -> None:
    ready(rig, workers=1)
    number = put(rig, "stay in transaction", "once")
    with stopped_backend(rig):
        kill(rig.workers["q:0"], signal.SIGKILL)
        put(rig, text="next")
        rig.until(lambda: only_this_is_left(rig, number), "the next job is done meanwhile")
        assert rig.rows("SELECT crashes FROM qsup.jobs") == [(0,)]
    (rig.project / "notes.go").touch()
    rig.until(rig.drained, "it has run again")
    assert rig.rows("SELECT text FROM effects") == [("once",)]
    assert rig.rows("SELECT kind FROM qsup.job_events") == [("crash",)]
