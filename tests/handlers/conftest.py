"""The hotspot of a test, and the sandbox that its handlers talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from handlers import schema
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import SmsGateway
from qsup import declare
from qsup.check.load import load_or_raise
from qsup.embedded import Server
from tests.handlers.hotspot import CALLBACKS, Hotspot, add_request

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tables(server: Server, template: str) -> str:
    """The DSN of one database for all of these tests, with both schemas. Copying one for each takes half a second."""
    name = f"{template}_hotspot"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        admin.execute(statement)
    with psycopg.connect(server.dsn(name), autocommit=True) as db:
        schema.migrate(db)
    return server.dsn(name)


@pytest.fixture
def hotspot(tables: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hotspot]:
    """A hotspot where nobody has paid yet: two packages, the known requests, the repository's queues declared."""
    monkeypatch.setenv("HOTSPOT_UNMATCHED_WAITS", "1,1")
    routing = load_or_raise(ROOT / "queues.yaml", {})
    with psycopg.connect(tables, autocommit=True) as db:
        db.execute(
            "TRUNCATE hotspot.users, hotspot.packages, hotspot.routers, hotspot.router_journal, hotspot.stk_requests,"
            " hotspot.mpesa_inbox,"
            " hotspot.payments, hotspot.subscriptions, hotspot.sms_outbox, radius.radcheck, radius.radgroupreply,"
            " radius.radusergroup, qsup.jobs, qsup.failed_jobs, qsup.job_events RESTART IDENTITY"
        )
        declare.apply(db, routing, "test")
        db.execute(
            "INSERT INTO hotspot.packages (code, name, price, duration, rate_limit) VALUES"
            " ('wifi-1h', 'WiFi 1h', 20, '1 hour', '2M/5M'), ('wifi-1d', 'WiFi 1 day', 50, '1 day', '5M/10M')"
        )
        for request in CALLBACKS["known_requests"]:
            add_request(db, request["checkout_request_id"], request["phone"], request["amount"])
        yield Hotspot(tables, routing, db)


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[RouterSimulator]:
    """A router, with the handlers' environment pointing at it."""
    with RouterSimulator(user="qsup", password="s3cret") as simulator:
        monkeypatch.setenv("ROUTER", simulator.address)
        monkeypatch.setenv("ROUTER_USER", "qsup")
        monkeypatch.setenv("ROUTER_PASSWORD", "s3cret")
        yield simulator


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmsGateway]:
    """An SMS gateway, with the handlers' environment pointing at it."""
    with SmsGateway() as simulator:
        monkeypatch.setenv("SMS_URL", simulator.url)
        monkeypatch.setenv("SMS_USERNAME", "sandbox")
        monkeypatch.setenv("SMS_API_KEY", "sandbox-key")
        yield simulator
