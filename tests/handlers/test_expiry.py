"""CheckExpiredSessionsJob: what is over ends once, its customer is disconnected once, and who bought more stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

import qsup
from handlers import customers, expiry
from handlers.jobs import CheckExpiredSessionsJob
from tests.handlers.hotspot import Hotspot

PHONE = "254712345678"
QUEUE = "hotspot-sessions"


def check(hotspot: Hotspot) -> str:
    """Run the job once; disconnects that were dispatched before are dropped."""
    hotspot.db.execute("DELETE FROM qsup.jobs")
    CheckExpiredSessionsJob().dispatch(hotspot.db)
    with psycopg.connect(hotspot.dsn, autocommit=True) as conn:
        report = hotspot.run_once(conn, QUEUE)
    assert report is not None
    return report.kind


@pytest.fixture
def over(hotspot: Hotspot) -> Hotspot:
    """A hotspot with one customer, whose hour was over a minute ago."""
    hotspot.play("stk_success")
    shift(hotspot, timedelta(minutes=61))
    return hotspot


def shift(hotspot: Hotspot, span: timedelta) -> None:
    """All subscriptions began and end so much earlier."""
    hotspot.db.execute(
        "UPDATE hotspot.subscriptions SET starts_at = starts_at - %s, ends_at = ends_at - %s", [span, span]
    )


def seen(hotspot: Hotspot) -> tuple[list[str], list[str], list[dict[str, object]]]:
    """States of the subscriptions, keys of the disconnects, their jobs."""
    states = [str(row["state"]) for row in hotspot.rows("SELECT state FROM hotspot.subscriptions ORDER BY id")]
    keys = [str(row["key"]) for row in hotspot.rows("SELECT key FROM hotspot.disconnects ORDER BY id")]
    return states, keys, hotspot.jobs(QUEUE)


def test_a_subscription_that_is_over_ends_and_its_customer_is_disconnected(over: Hotspot) -> None:
    assert check(over) == "done"
    assert seen(over) == (["ended"], ["expired:1"], [{"disconnect_id": 1}])
    wish = over.row("SELECT user_id, router_id, state, done_at FROM hotspot.disconnects")
    assert wish == {"user_id": 1, "router_id": None, "state": "waiting", "done_at": None}


def test_who_still_has_time_stays(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    check(hotspot)
    assert seen(hotspot) == (["active"], [], [])


def test_a_second_run_and_a_late_one_change_nothing(over: Hotspot) -> None:
    check(over)
    shift(over, timedelta(days=3))
    check(over)
    assert seen(over) == (["ended"], ["expired:1"], [])


def test_who_has_bought_more_stays_and_gets_the_speed_of_what_runs_now(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    customer = hotspot.row("SELECT id, phone, username FROM hotspot.users")
    bought = hotspot.value(
        "INSERT INTO hotspot.payments (receipt, state, amount, paid_at) VALUES ('R2', 'unmatched', 50, now())"
        " RETURNING id"
    )
    customers.subscribe(hotspot.db, customers.User(**customer), 2, bought, None)
    shift(hotspot, timedelta(minutes=61))
    check(hotspot)
    assert seen(hotspot) == (["ended", "active"], [], [])
    assert hotspot.value("SELECT groupname FROM radius.radusergroup") == "wifi-1d"


def test_who_is_away_long_enough_for_two_to_end_is_disconnected_once(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    hotspot.play("c2b_paybill")
    shift(hotspot, timedelta(hours=5))
    check(hotspot)
    assert seen(hotspot) == (["ended", "ended"], ["expired:2"], [{"disconnect_id": 1}])


def test_ten_at_once_end_a_thousand_customers_once(hotspot: Hotspot) -> None:
    many(hotspot, 1000)

    def turn(_: int) -> int:
        with psycopg.connect(hotspot.dsn, autocommit=True) as conn:
            return sum(len(users) for users in iter(lambda: expiry.end_batch(conn, batch=50), {}))

    with ThreadPoolExecutor(10) as pool:
        ended = list(pool.map(turn, range(10)))
    assert sum(ended) == 1000, "somebody's end was counted twice"
    states, keys, jobs = seen(hotspot)
    assert set(states) == {"ended"}
    assert len(keys) == len(set(keys)) == 1000
    assert len([job for job in jobs if "disconnect_id" in job]) == 1000


def test_what_is_killed_before_its_commit_leaves_nothing_and_is_done_by_the_next(over: Hotspot) -> None:
    job = psycopg.connect(over.dsn)
    job.execute("SELECT 1")
    assert expiry.end_batch(job) == {1: True}
    over.db.execute("SELECT pg_terminate_backend(%s)", [job.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        job.commit()
    assert seen(over) == (["active"], [], [])
    check(over)
    states, keys, jobs = seen(over)
    assert (states, keys, len(jobs)) == (["ended"], ["expired:1"], 1)


def test_when_nobody_would_hear_the_disconnect_nothing_ends(over: Hotspot) -> None:
    over.db.execute("DELETE FROM qsup.job_types WHERE name = 'DisconnectHotspotUserJob'")
    with psycopg.connect(over.dsn, autocommit=True) as conn, pytest.raises(qsup.DispatchError):
        expiry.end_batch(conn)
    assert seen(over) == (["active"], [], [])


def test_who_is_paying_at_this_moment_is_not_sent_away(over: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=5000")
    with psycopg.connect(over.dsn) as payment:
        customers.lock_user(payment, PHONE)
        check(over)
        assert seen(over) == (["active"], [], [])
    over.play("c2b_paybill")
    check(over)
    assert seen(over) == (["ended", "active"], [], [])


def many(hotspot: Hotspot, number: int) -> None:
    """So many customers, each with an hour that is over."""
    hotspot.db.execute(
        "WITH u AS (INSERT INTO hotspot.users (phone, username, password)"
        "  SELECT p, p, 'abcdef23' FROM (SELECT '2547' || lpad(n::text, 8, '0') AS p FROM generate_series(1, %s) n) x"
        "  RETURNING id),"
        " m AS (INSERT INTO hotspot.payments (receipt, state, amount, paid_at)"
        "  SELECT 'R' || id, 'unmatched', 20, now() FROM u RETURNING id, receipt)"
        " INSERT INTO hotspot.subscriptions (user_id, package_id, payment_id, starts_at, ends_at)"
        " SELECT u.id, 1, m.id, now() - interval '2 h', now() - interval '1 h' FROM u"
        " JOIN m ON m.receipt = 'R' || u.id",
        [number],
    )
