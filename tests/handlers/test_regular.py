"""What the clock dispatches: each job once, however often the clock strikes before it has run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from handlers import regular
from tests.handlers.hotspot import Hotspot
from tests.project.source import ROOT

JOBS = {
    "minute": ["CheckExpiredSessionsJob", "CheckRoutersJob", "RotateLogs", "UpdateDashboardStatsJob"],
    "five-minutes": ["SyncRadiusAccountingJob", "SyncRouterDataJob"],
    "week": ["QueueReportJob"],
}


def strike(word: str, dsn: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-m", "handlers.regular", word]
    return subprocess.run(command, input=dsn, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def waiting(hotspot: Hotspot) -> list[str]:
    return [row["type"] for row in hotspot.rows("SELECT type FROM qsup.jobs ORDER BY type")]


@pytest.mark.parametrize("word", JOBS)
def test_each_job_waits_once_however_often_the_clock_strikes(hotspot: Hotspot, word: str) -> None:
    assert set(regular.EVERY) == set(JOBS)
    for _ in range(2):
        done = strike(word, hotspot.dsn)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert waiting(hotspot) == JOBS[word]


def test_all_of_a_strike_is_dispatched_or_nothing(hotspot: Hotspot) -> None:
    hotspot.db.execute("UPDATE qsup.job_types SET retired_at = now() WHERE name = 'UpdateDashboardStatsJob'")
    done = strike("minute", hotspot.dsn)
    assert done.returncode == 1
    assert "\nNothing was dispatched: " in done.stderr
    assert "Traceback" not in done.stderr
    assert waiting(hotspot) == []


@pytest.mark.parametrize(
    ("word", "dsn", "said"), [("hour", "x", "minute|five-minutes|week"), ("week", "", "qsup db url")]
)
def test_a_wrong_call_is_answered_with_the_right_one(word: str, dsn: str, said: str) -> None:
    done = strike(word, dsn)
    assert done.returncode == 2
    assert said in done.stderr
