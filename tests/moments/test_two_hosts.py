"""Two hosts on one database: what one of them runs is never run by the other while it may still be running.

The database's clock jumping forward by an hour is exactly the same as every stored time being an hour older, so that
is what `the_database_is_ahead` writes, in one statement; backwards likewise. The hosts' own clocks (which measure the
15 s between two looks for rescue and the 30 s after a connection) are moved for their processes.
"""

from __future__ import annotations

import os
import signal

import psycopg
import pytest

from tests.moments.conftest import Make
from tests.moments.faults import Fault
from tests.moments.host import Host

HOUR = 3600
LOOK = Fault(name="looks", process="qsup.courier", at="qsup.courier.house:Housekeeper._rescue", do="tell", after=True)
JUMP = """
WITH jobs AS (
    UPDATE qsup.jobs SET lease_until = lease_until - %(by)s::interval, reserved_at = reserved_at - %(by)s::interval,
                         available_at = available_at - %(by)s::interval
)
UPDATE qsup.supervisors SET beat_at = beat_at - %(by)s::interval, started_at = started_at - %(by)s::interval
"""
OWNED = "SELECT id, claim_number, reserved_by FROM qsup.jobs WHERE state = 'running'"


def the_database_is_ahead(host: Host, seconds: float) -> None:
    """By so much since a moment ago."""
    with psycopg.connect(host.dsn, autocommit=True) as conn:
        conn.execute(JUMP.encode(), {"by": f"{seconds} s"})


def looks(host: Host) -> int:
    """How often its courier has looked for jobs to be rescued."""
    return len(host.faults.told("looks"))


def looks_again(host: Host, after: float = 15.1) -> None:
    """Its clocks go on to the next look, and it looks."""
    seen = looks(host)
    host.faults.forward(after)
    host.until(lambda: looks(host) > seen, "it looks for jobs to be rescued")


@pytest.fixture(scope="module")
def hosts(make_shared_host: Make) -> tuple[Host, Host]:
    """Two hosts that run, each with one worker; each test has a job of its own."""
    first, second = make_shared_host(timeout="600s"), make_shared_host(timeout="600s")
    for host in (first, second):
        host.faults.add(LOOK)
        host.spawn()
    for host in (first, second):
        host.settles(**host.workers)
    return first, second


def busy(first: Host, second: Host, text: str) -> int:
    """A job that runs on the first host until the file of its name is there; its id."""
    second.proxy.leave()
    job = first.put(text, until=text)
    first.waits_for(f"begin {text}")
    second.proxy.come_back()
    looks_again(second)
    return job


def pause(host: Host) -> None:
    """SIGSTOP of its courier, and of its supervisor, which would replace it."""
    os.kill(host.processes[-1].pid, signal.SIGSTOP)
    os.kill(host.state["courier"]["pid"], signal.SIGSTOP)


def stopped_for_a_minute(host: Host) -> None:
    """As if: a ping that was under way when its supervisor was stopped may have let it beat once more."""
    with psycopg.connect(host.dsn, autocommit=True) as conn:
        conn.execute("UPDATE qsup.supervisors SET beat_at = beat_at - interval '1 minute'")


def go_on(host: Host) -> None:
    """SIGCONT, the courier first."""
    os.kill(host.state["courier"]["pid"], signal.SIGCONT)
    os.kill(host.processes[-1].pid, signal.SIGCONT)


def test_postgresql_is_away_for_five_minutes_and_the_other_host_is_back_first(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    job = busy(first, second, "away")
    owned = first.rows(OWNED)
    for host in hosts:
        host.proxy.leave()
    first.let_go("away")
    first.waits_for("end away")
    for host in hosts:
        host.faults.forward(300)
    the_database_is_ahead(first, HOUR)  # five minutes would do for the heartbeat; so the lease is over as well
    second.proxy.come_back()
    second.put("second is back")
    second.waits_for("end second is back")
    looks_again(second)
    looks_again(second, 14)
    assert first.rows(OWNED) == owned, "it was rescued within 30 s of a connection"
    first.proxy.come_back()
    first.drained()
    for _ in range(3):
        looks_again(second)
    assert first.tries("away") == ["1 0"]
    assert second.tries("away") == []
    assert first.story(job) == []


def test_the_database_s_clock_jumps_an_hour_forward_and_nobody_is_taken_for_dead(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    job = busy(first, second, "forward")
    owned = first.rows(OWNED)
    # Looked before the jump: two looks behind it would take the paused host for dead, rightly.
    looks_again(second, 60)
    pause(first)
    the_database_is_ahead(first, HOUR)
    looks_again(second)
    silent = "SELECT count(*) FROM qsup.supervisors WHERE beat_at < clock_timestamp() - interval '50 minutes'"
    first.until(lambda: first.rows(silent) == [(1,)], "the first host looks dead, the second beats")
    go_on(first)
    first.faults.forward(6)
    first.until(lambda: first.rows(silent) == [(0,)], "it beats again")
    for _ in range(4):
        looks_again(second)
        first.faults.forward(6)
    assert first.rows(OWNED) == owned
    first.let_go("forward")
    first.drained()
    assert first.story(job) == []
    assert first.tries("forward") == ["1 0"]
    assert second.tries("forward") == []


def test_the_database_s_clock_jumps_an_hour_back_and_nothing_is_lost(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    job = busy(first, second, "back")
    the_database_is_ahead(first, -HOUR)
    looks_again(second, 60)
    looks_again(second)
    first.let_go("back")
    first.drained()
    assert first.story(job) == []
    first.put("next")
    first.until(lambda: first.diary("end next") or second.diary("end next"), "the next job is done")


def test_a_host_whose_supervisor_is_stopped_keeps_its_job_until_the_lease_is_over(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    job = busy(first, second, "stopped")
    owned = first.rows(OWNED)
    looks_again(second, 60)
    supervisor = first.processes[-1].pid
    os.kill(supervisor, signal.SIGSTOP)
    first.faults.forward(11)
    for _ in range(3):
        stopped_for_a_minute(first)
        looks_again(second)
    assert first.rows(OWNED) == owned, "it was rescued before its lease was over"
    with psycopg.connect(first.dsn, autocommit=True) as conn:
        conn.execute("UPDATE qsup.jobs SET lease_until = clock_timestamp() - interval '1 second'")

    def rescued() -> bool:
        stopped_for_a_minute(first)
        looks_again(second)
        return second.tries("stopped") == ["1 1"]

    second.until(rescued, "it is rescued, and counts as a crash")
    first.let_go("stopped")
    first.waits_for("end stopped")
    os.kill(supervisor, signal.SIGCONT)
    first.put("later")
    first.until(lambda: first.diary("end later") or second.diary("end later"), "work goes on")
    assert (job, 2) in [one[:2] for one in first.rows(OWNED)], "the end of the old claim ended the new one"
    second.let_go("stopped")
    first.drained()
    assert first.story(job)[0].startswith("rescued: ")
