"""UpdateDashboardStatsJob: every number counted anew, and a row that only goes forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from handlers.dashboard import recompute
from tests.handlers.hotspot import Hotspot
from tests.handlers.test_checks import add

NAIROBI = ZoneInfo("Africa/Nairobi")
SESSIONS = """
CREATE TABLE IF NOT EXISTS hotspot.sessions (
    acct_unique_id text PRIMARY KEY, session_id text, username text, user_id bigint,
    router_address inet, mac text, address inet, started_at timestamptz, updated_at timestamptz, ended_at timestamptz,
    seconds bigint, bytes_in bigint, bytes_out bigint, cause text)
"""
STATS = "SELECT * FROM hotspot.dashboard_stats"


@pytest.fixture(autouse=True)
def _sessions(hotspot: Hotspot) -> Iterator[None]:
    hotspot.db.execute(SESSIONS)
    hotspot.db.execute("DELETE FROM hotspot.sessions")
    yield
    hotspot.db.execute("DELETE FROM hotspot.sessions")


def update(hotspot: Hotspot) -> dict[str, Any]:
    """One run of the job; the row."""
    hotspot.db.execute("SELECT qsup.dispatch('UpdateDashboardStatsJob', '{}')")
    assert [report.kind for report in hotspot.run("dashboard")] == ["committed"]
    return hotspot.row(STATS)


def pay(hotspot: Hotspot, at: datetime, amount: int, state: str = "unmatched") -> None:
    """A payment at that moment, applied to a customer of its own if it is to be."""
    number = hotspot.value("SELECT count(*) FROM hotspot.payments")
    user = package = None
    if state == "applied":
        phone = f"2547{number:08}"
        user = hotspot.value(
            "INSERT INTO hotspot.users (phone, username, password) VALUES (%s, %s, 'secret1') RETURNING id",
            phone,
            phone,
        )
        package = hotspot.value("SELECT min(id) FROM hotspot.packages")
    hotspot.db.execute(
        "INSERT INTO hotspot.payments (receipt, state, amount, user_id, package_id, paid_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [f"R{number}", state, amount, user, package, at],
    )


def test_an_empty_hotspot_has_noughts(hotspot: Hotspot) -> None:
    row = update(hotspot)
    assert (row["customers"], row["active_subscriptions"], row["sessions_online"]) == (0, 0, 0)
    assert (row["revenue_today"], row["revenue_month"], row["usage_bytes_in"]) == (0, 0, 0)
    assert row["payments_by_state"] == row["routers_by_reach"] == row["sms_by_state"] == {}


def test_revenue_is_by_days_and_months_of_nairobi_and_of_applied_payments_only(hotspot: Hotspot) -> None:
    now = datetime.now(NAIROBI)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    month, tick = day.replace(day=1), timedelta(microseconds=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    moments = [day, day + timedelta(days=1) - tick, day - tick, day + timedelta(days=1), month, month - tick]
    for place, at in enumerate([*moments, next_month - tick, next_month]):
        pay(hotspot, at, 2**place, "applied")
    pay(hotspot, now, 1000, "underpaid")
    row = update(hotspot)
    worth = [(at, 2**place) for place, at in enumerate([*moments, next_month - tick, next_month])]
    assert row["revenue_today"] == sum(value for at, value in worth if at.astimezone(NAIROBI).date() == day.date())
    in_month = [value for at, value in worth if (at.year, at.month) == (now.year, now.month)]
    assert row["revenue_month"] == sum(in_month)
    assert row["payments_by_state"] == {
        "applied": {"count": 8, "amount": 255.0}, "underpaid": {"count": 1, "amount": 1000.0},
    }  # fmt: skip
    assert row["customers"] == 8


def test_routers_messages_sessions_and_queues_are_counted(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    add(hotspot, "a:1", reach="online"), add(hotspot, "b:1", reach="offline")
    add(hotspot, "c:1", verified_at="2026-11-21", deploy="active"), add(hotspot, "d:1", retired_at="2026-11-21")
    for name, ended, seconds, came, went in [
        ("a", None, 10, 1, 5_000_000_000),
        ("b", "now", 20, 2, 3),
        ("c", None, 0, 0, 0),
    ]:
        hotspot.db.execute(
            "INSERT INTO hotspot.sessions (acct_unique_id, session_id, username, router_address, started_at,"
            " updated_at, ended_at, seconds, bytes_in, bytes_out, cause)"
            " VALUES (%(id)s, %(id)s, 'u', '10.0.0.1', now() - interval '1 hour', now(), %(ended)s::timestamptz,"
            "  %(seconds)s, %(in)s, %(out)s, CASE WHEN %(ended)s::text IS NOT NULL THEN 'User-Request' END)",
            {"id": name, "ended": ended, "seconds": seconds, "in": came, "out": went},
        )
    row = update(hotspot)
    assert row["active_subscriptions"] == 1
    assert row["routers_by_reach"] == {"online": 1, "offline": 1, "unknown": 1}
    assert row["routers_by_deploy"] == {"none": 2, "active": 1}
    assert row["sms_by_state"] == {"pending": 1}
    assert (row["sessions_online"], row["usage_seconds"], row["usage_bytes_in"]) == (2, 30, 3)
    assert row["usage_bytes_out"] == 5_000_000_003
    assert row["jobs_by_queue"]["provisioning"] == {"ready": 1}


def test_it_comes_to_the_same_however_often_and_by_how_many_it_is_run(
    hotspot: Hotspot, in_threads: Callable[..., None]
) -> None:
    hotspot.play("stk_success")
    for _ in range(6):
        hotspot.db.execute("SELECT qsup.dispatch('UpdateDashboardStatsJob', '{}')")
    in_threads(lambda: hotspot.run("dashboard"), 3)
    first = hotspot.row(STATS)
    second = update(hotspot)
    assert second["as_of"] > first["as_of"]
    changing = {"as_of", "jobs_by_queue"}
    assert {key: value for key, value in second.items() if key not in changing} == {
        key: value for key, value in first.items() if key not in changing
    }


def test_a_run_that_began_earlier_and_ends_later_changes_nothing(hotspot: Hotspot) -> None:
    with psycopg.connect(hotspot.dsn) as late:
        late.execute("SELECT now()")
        pay(hotspot, datetime.now(NAIROBI), 5, "applied")
        row = update(hotspot)
        assert not recompute(late)
    assert hotspot.row(STATS) == row
    assert row["revenue_today"] == 5


def test_a_run_that_is_killed_before_its_commit_leaves_the_row_and_the_next_one_counts_all(hotspot: Hotspot) -> None:
    before = update(hotspot)
    pay(hotspot, datetime.now(NAIROBI), 5, "applied")
    with psycopg.connect(hotspot.dsn) as killed:
        assert recompute(killed)
        hotspot.db.execute("SELECT pg_terminate_backend(%s)", [killed.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            killed.commit()
    assert hotspot.row(STATS) == before
    assert update(hotspot)["revenue_today"] == 5
