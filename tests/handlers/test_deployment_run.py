"""RouterProvisioningJob with a real courier and real workers, which are killed while the router does as it is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from handlers import schema
from handlers.deployment.state import request_deployment
from handlers.sandbox.faults import Fault, Faults
from handlers.sandbox.routeros import RouterSimulator
from qsup.check.load import load_or_raise
from qsup.messages import Applied
from qsup.routing import Queue, Routing
from tests.courier.rig import Rig, a_queue, a_routing
from tests.handlers.conftest import ROOT
from tests.handlers.deploying import FIRST, QUEUE, SECRET, WRITING, tables_of


class KillAt(Faults):
    """At these writes, counted from 1 and without end, whoever holds the worker's slot is killed; the write is done."""

    def __init__(self, pid: Callable[[], int], *numbers: int) -> None:
        super().__init__()
        self.pid, self.numbers, self.seen = pid, numbers, 0

    def take(self, command: str) -> Fault | None:
        """Count writes."""
        self.seen += command.endswith(WRITING)
        if command.endswith(WRITING) and self.seen in self.numbers:
            os.kill(self.pid(), signal.SIGKILL)
        return None


@pytest.fixture
def routing() -> Routing:
    """What queues.yaml says of the job, with quick settings."""
    route = load_or_raise(ROOT / "queues.yaml", {}).routes["RouterProvisioningJob"]
    queue: Queue = a_queue(QUEUE, timeout=60.0, tries=5, max_crashes=3)
    return a_routing(queue, routes={"RouterProvisioningJob": route})


@pytest.fixture
def rig(
    tmp_path: Path, dsn: str, router: RouterSimulator, routing: Routing, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    """One worker for the queue, a router out of its box and its row."""
    monkeypatch.setenv("RADIUS_SECRET", SECRET)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with psycopg.connect(dsn, autocommit=True) as conn:
        schema.migrate(conn)
        conn.execute(
            "INSERT INTO hotspot.routers (address, name, vars) VALUES (%s, 'r1', '{\"mgmt_net\": \"127.0.0.0/8\"}')",
            [router.address],
        )
    found = Rig(tmp_path, dsn)
    found.configure(routing)
    found.until(lambda: found.heard(Applied) and found.serving(), "the worker is in its loop", 60)
    yield found
    found.stop()


def ask(rig: Rig) -> int:
    with psycopg.connect(rig.dsn, autocommit=True) as conn:
        return request_deployment(conn, 1)


def state(rig: Rig) -> dict[str, object]:
    with psycopg.connect(rig.dsn, row_factory=dict_row) as conn:
        return conn.execute("SELECT deploy, deploy_detail FROM hotspot.routers").fetchone() or {}


def test_each_step_is_stored_while_it_happens(rig: Rig) -> None:
    number = ask(rig)
    rig.until(rig.drained, "the router is deployed", 60)
    assert state(rig) == {"deploy": "active", "deploy_detail": None}
    events = rig.rows("SELECT job_id, value, detail FROM qsup.job_events WHERE kind = 'progress' ORDER BY id")
    assert {event[0] for event in events} == {number}
    steps = [event[1] for event in events if not event[2].startswith("command")]
    assert steps == [10, 40, 85, 90, 100]
    assert [event for event in events if "command 37 of 81" in event[2]], events
    assert "RouterOS 7.18.2" in events[0][2]


def test_a_worker_that_is_killed_twice_is_followed_by_one_that_finishes(rig: Rig, router: RouterSimulator) -> None:
    router.faults = fault = KillAt(lambda: rig.workers[f"{QUEUE}:0"], 7, 50)
    ask(rig)
    rig.until(rig.drained, "the router is deployed", 60)
    assert (state(rig)["deploy"], fault.seen, len(rig.deaths)) == ("active", FIRST, 2)
    assert rig.rows("SELECT state, count(*) FROM hotspot.router_journal GROUP BY state") == [("kept", FIRST)]
    assert rig.rows("SELECT message FROM qsup.failed_jobs") == []


def test_a_job_that_kills_its_worker_each_time_is_taken_back_by_the_hook(rig: Rig, router: RouterSimulator) -> None:
    before = tables_of(router)
    router.faults = KillAt(lambda: rig.workers[f"{QUEUE}:0"], 20, 45, 60)
    ask(rig)
    rig.until(rig.drained, "the job is quarantined and its hook has run", 60)
    assert len(rig.deaths) == 3
    assert tables_of(router) == before
    assert state(rig)["deploy"] == "failed"
    assert "SIGKILL" in str(state(rig)["deploy_detail"])
    assert str(state(rig)["deploy_detail"]).endswith("the router is as it was before")
