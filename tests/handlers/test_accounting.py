"""SyncRadiusAccountingJob: radacct becomes sessions and usage, whatever is late, doubled, at once or killed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from handlers import accounting
from handlers.jobs import SyncRadiusAccountingJob
from handlers.sandbox.radius import Radius
from tests.conftest import Eventually
from tests.handlers.hotspot import Hotspot

PHONE = "254712345678"
INTERIM = 300


def sync(hotspot: Hotspot) -> None:
    SyncRadiusAccountingJob().dispatch(hotspot.db)
    assert [report.kind for report in hotspot.run("hotspot-accounting")] == ["done"]


def add(hotspot: Hotspot, unique: str, *, seconds: int = 0, down: int = 0, age: int = 0, username: str = PHONE) -> None:
    """An open session whose last news is `age` seconds old."""
    hotspot.db.execute(
        "INSERT INTO radius.radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
        " acctupdatetime, acctsessiontime, acctinputoctets, acctoutputoctets)"
        " VALUES (%(id)s, %(id)s, %(name)s, '10.0.0.1',"
        " now() - make_interval(secs => %(age)s + %(seconds)s), now() - make_interval(secs => %(age)s),"
        " %(seconds)s, %(down)s / 10, %(down)s)",
        {"id": unique, "name": username, "seconds": seconds, "down": down, "age": age},
    )


def news(conn: psycopg.Connection[Any], unique: str, *, seconds: int, down: int) -> None:
    """The row as a server with other queries than ours might write it: a counter may shrink."""
    conn.execute(
        "UPDATE radius.radacct SET acctsessiontime = %s, acctoutputoctets = %s, acctupdatetime = now()"
        " WHERE acctuniqueid = %s",
        [seconds, down, unique],
    )


@contextmanager
def in_the_middle(hotspot: Hotspot) -> Iterator[psycopg.Connection[Any]]:
    """A job that has copied one row and not committed yet."""
    with psycopg.connect(hotspot.dsn) as job:
        job.execute("SELECT 1")
        assert accounting.copy_changed(job) == 1
        yield job


def sessions(hotspot: Hotspot) -> list[dict[str, Any]]:
    return hotspot.rows("SELECT * FROM hotspot.sessions ORDER BY acct_unique_id")


def marks(hotspot: Hotspot) -> int:
    return int(hotspot.value("SELECT count(*) FROM radius.radacct_changed"))


def test_a_session_by_radius_is_the_customers_with_all_that_the_router_said(hotspot: Hotspot, radius: Radius) -> None:
    hotspot.play("stk_success")
    about = {"framed_ip_address": "10.5.50.7", "calling_station_id": "AA:01"}
    radius.account("Start", PHONE, **about)
    sync(hotspot)
    assert [row["ended_at"] for row in sessions(hotspot)] == [None]
    radius.account("Interim-Update", PHONE, acct_session_time=300, acct_input_octets=10, acct_output_octets=50)
    radius.account(
        "Stop", PHONE, acct_session_time=600, acct_input_octets=20, acct_output_octets=90,
        acct_terminate_cause="Session-Timeout",
    )  # fmt: skip
    sync(hotspot)
    session = hotspot.row("SELECT s.*, u.phone FROM hotspot.sessions s JOIN hotspot.users u ON u.id = s.user_id")
    assert (session["phone"], session["session_id"], session["mac"]) == (PHONE, "80a00001", "AA:01")
    assert (str(session["router_address"]), str(session["address"])) == ("127.0.0.1", "10.5.50.7")
    assert (session["seconds"], session["bytes_in"], session["bytes_out"]) == (600, 20, 90)
    assert session["cause"] == "Session-Timeout"
    assert session["ended_at"] >= session["updated_at"] >= session["started_at"]


def test_only_what_changed_is_read_and_a_second_run_changes_nothing(hotspot: Hotspot) -> None:
    add(hotspot, "a", seconds=60, down=100)
    add(hotspot, "b", seconds=60, down=100)
    sync(hotspot)
    first = sessions(hotspot)
    hotspot.db.execute("UPDATE hotspot.sessions SET bytes_out = 0")
    sync(hotspot)
    assert [row["bytes_out"] for row in sessions(hotspot)] == [0, 0], "rows that did not change were read again"
    news(hotspot.db, "a", seconds=60, down=100)
    news(hotspot.db, "b", seconds=60, down=100)
    sync(hotspot)
    assert [row["bytes_out"] for row in sessions(hotspot)] == [row["bytes_out"] for row in first] == [100, 100]


def test_counters_never_shrink(hotspot: Hotspot) -> None:
    add(hotspot, "a", seconds=600, down=9000)
    sync(hotspot)
    news(hotspot.db, "a", seconds=1, down=40)
    sync(hotspot)
    assert [(row["seconds"], row["bytes_in"], row["bytes_out"]) for row in sessions(hotspot)] == [(600, 900, 9000)]


def test_a_change_that_is_committed_late_is_not_lost(hotspot: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=5000")
    add(hotspot, "a", seconds=60)
    add(hotspot, "b", seconds=60)
    with psycopg.connect(hotspot.dsn) as server:
        news(server, "a", seconds=120, down=1)
        # A later change is committed first, and the job runs in between: no watermark may pass over the first.
        news(hotspot.db, "b", seconds=130, down=1)
        sync(hotspot)
        assert [row["seconds"] for row in sessions(hotspot)] == [130]
        server.commit()
    sync(hotspot)
    assert [row["seconds"] for row in sessions(hotspot)] == [120, 130]


def test_news_that_come_while_a_mark_is_taken_away_are_not_lost(hotspot: Hotspot, eventually: Eventually) -> None:
    add(hotspot, "a", seconds=60)
    with in_the_middle(hotspot) as job, ThreadPoolExecutor(1) as pool:

        def send() -> None:
            with psycopg.connect(hotspot.dsn, autocommit=True) as server:
                news(server, "a", seconds=120, down=1)

        sent = pool.submit(send)
        blocked = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE radius%%'"
        )
        eventually(lambda: hotspot.value(blocked), what="the server waits for the job's commit")
        job.commit()
        sent.result()
    assert [row["seconds"] for row in sessions(hotspot)] == [60]
    sync(hotspot)
    assert [row["seconds"] for row in sessions(hotspot)] == [120]


def test_what_was_killed_in_the_middle_comes_again(hotspot: Hotspot) -> None:
    add(hotspot, "a", seconds=60)
    with pytest.raises(psycopg.OperationalError), in_the_middle(hotspot) as job:
        hotspot.db.execute("SELECT pg_terminate_backend(%s)", [job.info.backend_pid])
    assert (sessions(hotspot), marks(hotspot)) == ([], 1)
    sync(hotspot)
    assert [row["seconds"] for row in sessions(hotspot)] == [60]


def test_thousands_of_rows_with_writers_at_work_come_out_right_from_several_jobs_at_once(hotspot: Hotspot) -> None:
    seed = time.time_ns() % 10**6
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311  not a secret
    hotspot.db.execute(
        "INSERT INTO radius.radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime,"
        " acctsessiontime, acctinputoctets, acctoutputoctets) SELECT n, 's' || n, %s, '10.0.0.1', now(), n, n, n"
        " FROM generate_series(1, 5000) n",
        [PHONE],
    )

    def write() -> None:
        with psycopg.connect(hotspot.dsn, autocommit=True) as server:
            for _ in range(300):
                news(
                    server, f"s{chance.randrange(1, 5001)}", seconds=chance.randrange(9000), down=chance.randrange(9000)
                )

    def read() -> int:
        with psycopg.connect(hotspot.dsn, autocommit=True) as job:
            return sum(iter(lambda: accounting.copy_changed(job, batch=200), 0))

    with ThreadPoolExecutor(5) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        readers = [pool.submit(read) for _ in range(3)]
    for one in writers:
        one.result()
    assert sum(one.result() for one in readers) >= 5000
    sync(hotspot)
    wrong = hotspot.rows(
        "SELECT FROM radius.radacct a FULL JOIN hotspot.sessions s ON s.acct_unique_id = a.acctuniqueid"
        " WHERE (a.acctsessiontime <= s.seconds AND a.acctoutputoctets <= s.bytes_out) IS NOT TRUE"
    )
    assert (len(sessions(hotspot)), wrong, marks(hotspot)) == (5000, [], 0)


def test_usage_is_the_sum_over_the_sessions_of_each_subscription(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    bought = hotspot.value("SELECT id FROM hotspot.subscriptions")
    add(hotspot, "before", seconds=50, down=10, age=7000)
    add(hotspot, "a", seconds=60, down=100)
    add(hotspot, "b", seconds=30, down=50)
    add(hotspot, "strange", seconds=30, down=50, username="nobody")
    hotspot.db.execute("UPDATE hotspot.subscriptions SET starts_at = now() - interval '10 minutes'")
    for _ in range(2):
        sync(hotspot)
        used = hotspot.rows(
            "SELECT subscription_id, sessions, seconds, bytes_in, bytes_out FROM hotspot.usage ORDER BY subscription_id"
        )
        assert used == [
            {"subscription_id": bought, "sessions": 2, "seconds": 90, "bytes_in": 15, "bytes_out": 150},
            {"subscription_id": None, "sessions": 1, "seconds": 50, "bytes_in": 1, "bytes_out": 10},
        ]


def test_a_session_without_news_is_closed_as_of_its_last_news(hotspot: Hotspot) -> None:
    add(hotspot, "ghost", seconds=600, down=100, age=3 * INTERIM + 20)
    add(hotspot, "alive", seconds=600, down=100, age=3 * INTERIM - 20)
    sync(hotspot)
    alive, ghost = sessions(hotspot)
    assert (alive["ended_at"], alive["cause"]) == (None, None)
    assert (ghost["ended_at"], ghost["cause"], ghost["seconds"]) == (ghost["updated_at"], "Stale-Session", 600)
    assert hotspot.value("SELECT count(*) FROM radius.radacct WHERE acctstoptime IS NULL") == 1


def test_how_long_is_too_long_follows_the_setting(hotspot: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    add(hotspot, "a", age=200)
    monkeypatch.setenv("RADIUS_INTERIM", "60")
    sync(hotspot)
    assert [row["cause"] for row in sessions(hotspot)] == ["Stale-Session"]
    monkeypatch.setenv("RADIUS_INTERIM", "often")
    SyncRadiusAccountingJob().dispatch(hotspot.db)
    assert [(report.kind, report.reason) for report in hotspot.run("hotspot-accounting")] == [
        ("discard", "RADIUS_INTERIM is 'often': expected seconds")
    ]


def test_a_row_that_radius_is_writing_is_not_waited_for(hotspot: Hotspot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=5000")
    add(hotspot, "a", age=7000)
    with psycopg.connect(hotspot.dsn) as server:
        news(server, "a", seconds=120, down=1)
        sync(hotspot)
    sync(hotspot)
    assert [row["ended_at"] for row in sessions(hotspot)] == [None]


def test_the_end_of_a_ghost_lets_the_customer_in_again_and_its_late_news_bring_it_back(
    hotspot: Hotspot, radius: Radius
) -> None:
    hotspot.play("stk_success")
    password = hotspot.value("SELECT password FROM hotspot.users")
    hotspot.db.execute(
        "INSERT INTO radius.radgroupcheck (groupname, attribute, op, value)"
        " VALUES ('wifi-1h', 'Simultaneous-Use', ':=', '1') ON CONFLICT DO NOTHING"
    )
    radius.account("Start", PHONE, calling_station_id="AA:01")
    hotspot.db.execute("UPDATE radius.radacct SET acctupdatetime = now() - interval '1 hour'")
    assert radius.login(PHONE, password, mac="AA:02").code == "Access-Reject"
    sync(hotspot)
    assert radius.login(PHONE, password, mac="AA:02").code == "Access-Accept"
    radius.account("Interim-Update", PHONE, acct_session_time=3900, calling_station_id="AA:01")
    sync(hotspot)
    assert [(row["ended_at"], row["cause"], row["seconds"]) for row in sessions(hotspot)] == [(None, None, 3900)]
    assert radius.login(PHONE, password, mac="AA:02").code == "Access-Reject"


def test_the_late_stop_of_a_ghost_counts(hotspot: Hotspot, radius: Radius) -> None:
    radius.account("Start", PHONE)
    hotspot.db.execute("UPDATE radius.radacct SET acctupdatetime = now() - interval '1 hour'")
    sync(hotspot)
    radius.account("Stop", PHONE, acct_session_time=3700, acct_terminate_cause="User-Request")
    radius.account("Interim-Update", PHONE, acct_session_time=3600)
    sync(hotspot)
    assert [(row["cause"], row["seconds"]) for row in sessions(hotspot)] == [("User-Request", 3700)]
