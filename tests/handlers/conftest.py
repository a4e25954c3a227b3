"""The hotspot of a test, and the sandbox that its handlers talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from handlers import schema
from handlers.sandbox.daraja import DarajaSandbox
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import SmsGateway
from qsup import declare
from qsup.check.load import load_or_raise
from qsup.embedded import Server
from tests.handlers.hotspot import Hotspot

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
        hotspot = Hotspot(tables, routing, db)
        hotspot.start_anew()
        declare.apply(db, routing, "test")
        yield hotspot


@pytest.fixture
def waiting(hotspot: Hotspot) -> Hotspot:
    """A hotspot with one customer who is on the router and is to be told."""
    hotspot.play("stk_success")
    hotspot.db.execute("DELETE FROM qsup.jobs")
    hotspot.tell(hotspot.value("SELECT id FROM hotspot.subscriptions"))
    return hotspot


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


@pytest.fixture
def daraja(monkeypatch: pytest.MonkeyPatch) -> Iterator[DarajaSandbox]:
    """Safaricom's API, with the handlers' environment pointing at it."""
    with DarajaSandbox() as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox
