"""The jobs for operators are killed with SIGKILL in the middle and run again: it comes to the same as once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from handlers.sandbox.faults import Kind
from handlers.sandbox.routeros import RouterSimulator
from tests.conftest import Eventually
from tests.handlers.hotspot import Hotspot
from tests.handlers.test_checks import add, blackhole, router_row
from tests.handlers.test_dashboard import SESSIONS, STATS

ROOT = Path(__file__).parents[2]
GIVE_BACK = (
    "UPDATE qsup.jobs SET state = 'ready', reserved_at = NULL, reserved_by = NULL, lease_until = NULL"
    " WHERE state = 'running'"
)


@pytest.fixture
def killed(hotspot: Hotspot, eventually: Eventually) -> Callable[[str, Callable[[], object]], None]:
    """`killed(queue, when)`: a worker takes a job and is killed as soon as `when` is true; the job comes back."""

    def run(queue: str, when: Callable[[], object]) -> None:
        command = [sys.executable, "-m", "tests.handlers.job_process", queue]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True) as worker:
            try:
                assert worker.stdin is not None
                worker.stdin.write(f"{hotspot.dsn}\n")
                worker.stdin.close()
                eventually(when, 60, what="the middle of the job")
                assert worker.poll() is None, "it had ended before it was killed"
            finally:
                worker.kill()
        # What the courier does when a worker is dead.
        assert hotspot.db.execute(GIVE_BACK).rowcount == 1

    return run


@contextmanager
def locked(hotspot: Hotspot, table: str) -> Iterator[Callable[[], bool]]:
    """Nobody gets at the table; the function tells whether somebody waits for it."""

    def is_waited_for() -> bool:
        return bool(
            hotspot.value(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass)", f"hotspot.{table}"
            )
        )

    with psycopg.connect(hotspot.dsn) as holder:
        holder.execute(f"LOCK TABLE hotspot.{table}".encode())
        yield is_waited_for


def test_a_killed_check_keeps_what_it_has_seen_and_counts_no_miss_twice(
    hotspot: Hotspot,
    router: RouterSimulator,
    killed: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROUTER_CHECK_GAP", "60")
    with blackhole() as silent, blackhole() as slower:
        monkeypatch.setenv("ROUTER_CHECK_THREADS", "1")
        good, bad, last = add(hotspot, router.address), add(hotspot, silent), add(hotspot, slower)
        monkeypatch.setenv("ROUTER_CHECK_LIMIT", "2")
        hotspot.db.execute("SELECT qsup.dispatch('CheckRoutersJob', '{}')")
        killed("router-checks", lambda: router_row(hotspot, bad)["misses"])
        assert (router_row(hotspot, good)["reach"], router_row(hotspot, last)["misses"]) == ("online", 0)
        monkeypatch.setenv("ROUTER_CHECK_LIMIT", "0.2")
        assert [report.kind for report in hotspot.run("router-checks")] == ["done"]
    assert [router_row(hotspot, number)["misses"] for number in (good, bad, last)] == [0, 1, 1]


def test_a_killed_reading_of_a_router_leaves_no_half_row_and_its_next_run_stores_it(
    hotspot: Hotspot, router: RouterSimulator, killed: Callable[..., None]
) -> None:
    number = add(hotspot, router.address)
    router.faults.order("/interface/print", Kind.HANG_AFTER)
    hotspot.db.execute("SELECT qsup.dispatch('SyncRouterDataJob', %s)", [f'{{"router_id": {number}}}'])
    killed("router-data", lambda: "/interface/print" in router.commands)
    assert hotspot.rows("SELECT * FROM hotspot.router_data") == []
    assert [report.kind for report in hotspot.run("router-data")] == ["done"]
    assert hotspot.value("SELECT count(*) FROM hotspot.router_data") == 1


def test_a_killed_dashboard_leaves_the_old_row_whole(hotspot: Hotspot, killed: Callable[..., None]) -> None:
    hotspot.db.execute(SESSIONS)
    hotspot.play("stk_success")
    hotspot.db.execute("SELECT qsup.dispatch('UpdateDashboardStatsJob', '{}')")
    hotspot.run("dashboard")
    before = hotspot.row(STATS)
    hotspot.db.execute("SELECT qsup.dispatch('UpdateDashboardStatsJob', '{}')")
    with locked(hotspot, "dashboard_stats") as is_waited_for:
        killed("dashboard", is_waited_for)
    assert hotspot.row(STATS) == before
    assert [report.kind for report in hotspot.run("dashboard")] == ["committed"]
    assert hotspot.row(STATS)["as_of"] > before["as_of"]


def test_a_report_that_is_killed_before_it_is_stored_is_written_once(
    hotspot: Hotspot, killed: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORT_DIRECTORY", str(tmp_path))
    hotspot.db.execute("SELECT qsup.dispatch('QueueReportJob', '{}')")
    with locked(hotspot, "reports") as is_waited_for:
        killed("default", is_waited_for)
    assert list(tmp_path.iterdir()) == []
    assert [report.kind for report in hotspot.run("default")] == ["done"]
    assert hotspot.value("SELECT count(*) FROM hotspot.reports") == 1
    assert len(list(tmp_path.iterdir())) == 1
