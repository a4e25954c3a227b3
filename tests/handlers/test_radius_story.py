"""One customer's day through a real `qsup run` and FreeRADIUS, with a router and a gateway on TCP ports."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from handlers import admission, intake, schema
from handlers.jobs import CheckExpiredSessionsJob, SyncRadiusAccountingJob
from handlers.leaving import ACTIVE, USERS
from handlers.sandbox import playing
from handlers.sandbox import radius as sandbox_radius
from handlers.sandbox.project import Project
from handlers.sandbox.radius import SECRET, Radius
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import SmsGateway
from tests.conftest import Eventually
from tests.handlers.hotspot import CASES, add_request

PHONE = "254712345678"


def value(db: psycopg.Connection[Any], statement: str) -> Any:
    """The first column of the first row; None without one."""
    row = db.execute(statement.encode()).fetchone()
    return row[0] if row else None


def furnish(db: psycopg.Connection[Any], router: RouterSimulator) -> None:
    """A package, a router, and a customer who is asked to pay."""
    db.execute(
        "INSERT INTO hotspot.packages (code, name, price, duration, rate_limit)"
        " VALUES ('wifi-1h', 'WiFi 1h', 20, '1 hour', '2M/5M')"
    )
    db.execute("INSERT INTO hotspot.routers (name, address) VALUES ('first', %s)", [router.address])
    add_request(db, "ws_CO_091020250545018712345678", PHONE, "20")


def let_an_hour_pass(db: psycopg.Connection[Any]) -> None:
    """What he bought was bought an hour earlier."""
    with db.transaction():
        db.execute(
            "UPDATE hotspot.subscriptions"
            " SET starts_at = starts_at - interval '1 h', ends_at = ends_at - interval '1 h'"
        )
        row = db.execute("SELECT id FROM hotspot.users").fetchone()
        assert row is not None
        admission.write_radius(db, row[0])


def test_paid_accepted_counted_expired_disconnected_rejected(eventually: Eventually) -> None:
    if why := sandbox_radius.missing():
        pytest.skip(why)
    with RouterSimulator(user="qsup", password="s3cret") as router, SmsGateway(api_key="key") as gateway:
        env = {
            "ROUTER": router.address, "ROUTER_USER": "qsup", "ROUTER_PASSWORD": "s3cret", "RADIUS_SECRET": SECRET,
            "SMS_URL": gateway.url, "SMS_USERNAME": gateway.username, "SMS_API_KEY": "key",
        }  # fmt: skip
        with Project(env) as project:
            dsn = project.wait_for_database(40)
            with psycopg.connect(dsn, autocommit=True) as db:
                playing.wait_until_declared(db, project.check, 40)
                schema.migrate(db)
                furnish(db, router)
                with Radius(dsn) as radius:
                    live(db, radius, router, eventually)
        assert project.left_running == []


def live(db: psycopg.Connection[Any], radius: Radius, router: RouterSimulator, eventually: Eventually) -> None:
    """The day."""
    assert radius.login(PHONE, "guessed1").code == "Access-Reject"
    intake.receive_callback(db, "stk", CASES["stk_success"]["payload"])
    password = eventually(lambda: value(db, "SELECT password FROM hotspot.users"), 20, what="the payment is applied")
    accepted = radius.login(PHONE, password)
    assert (accepted.code, accepted.attributes["Mikrotik-Rate-Limit"]) == ("Access-Accept", "2M/5M")
    eventually(lambda: value(db, "SELECT provisioned_at FROM hotspot.subscriptions"), 20, what="he is on the router")

    router.tables.appear(ACTIVE, {"user": PHONE, "address": "10.5.50.7", "mac-address": "AA:01"})
    radius.account("Start", PHONE, calling_station_id="AA:01", framed_ip_address="10.5.50.7")
    radius.account("Interim-Update", PHONE, acct_session_time=3600, acct_input_octets=100, acct_output_octets=2000)
    SyncRadiusAccountingJob().dispatch(db)
    eventually(lambda: value(db, "SELECT bytes_out FROM hotspot.usage") == 2000, 20, what="his usage is counted")

    let_an_hour_pass(db)
    CheckExpiredSessionsJob().dispatch(db)
    ended = "SELECT detail FROM hotspot.disconnects WHERE state = 'done'"
    assert "1 sessions ended" in eventually(lambda: value(db, ended), 20, what="he is disconnected")
    assert router.tables.find(ACTIVE) == []
    assert [row["disabled"] for row in router.tables.find(USERS)] == ["true"]
    radius.account("Stop", PHONE, acct_session_time=3605, acct_terminate_cause="Admin-Reset")
    SyncRadiusAccountingJob().dispatch(db)
    eventually(lambda: value(db, "SELECT cause FROM hotspot.sessions") == "Admin-Reset", 20, what="the end is counted")
    assert radius.login(PHONE, password).code == "Access-Reject"
    assert value(db, "SELECT count(*) FROM qsup.failed_jobs") == 0
