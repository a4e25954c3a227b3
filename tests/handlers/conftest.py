"""The hotspot of a test, and the sandbox that its handlers talk to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from handlers import schema
from handlers.sandbox import radius as sandbox_radius
from handlers.sandbox.daraja import DarajaSandbox
from handlers.sandbox.radius import Radius
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import SmsGateway
from qsup import declare
from qsup.check.load import load_or_raise
from qsup.embedded import Server
from qsup.routing import Routing
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


@pytest.fixture(scope="session")
def routing() -> Routing:
    """What the repository's queues.yaml says."""
    return load_or_raise(ROOT / "queues.yaml", {})


@pytest.fixture
def hotspot(tables: str, routing: Routing, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hotspot]:
    """A hotspot where nobody has paid yet: two packages, the known requests, the repository's queues declared."""
    monkeypatch.setenv("HOTSPOT_UNMATCHED_WAITS", "1,1")
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
def in_threads() -> Callable[[Callable[[], object], int], None]:
    """`in_threads(what, 3)`: so many at the same time, begun together; what one of them raises, the test raises."""

    def run(what: Callable[[], object], count: int) -> None:
        start, errors = threading.Barrier(count), []

        def one() -> None:
            try:
                start.wait(30)
                what()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=one) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        if errors:
            raise errors[0]

    return run


@pytest.fixture(scope="session")
def radius_server(tables: str) -> Iterator[Radius]:
    """FreeRADIUS on the tests' database, with the configuration that we ship."""
    if why := sandbox_radius.missing():
        pytest.skip(why)
    with Radius(tables) as radius:
        yield radius


@pytest.fixture
def radius(radius_server: Radius, hotspot: Hotspot) -> Radius:
    """FreeRADIUS, and one router at 127.0.0.1 that it knows."""
    hotspot.db.execute("INSERT INTO hotspot.routers (name, address) VALUES ('first', '127.0.0.1:8728')")
    return radius_server


@pytest.fixture
def daraja(monkeypatch: pytest.MonkeyPatch) -> Iterator[DarajaSandbox]:
    """Safaricom's API, with the handlers' environment pointing at it."""
    with DarajaSandbox() as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox
