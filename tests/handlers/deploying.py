"""A router that a test deploys the hotspot to: the simulator, its row, and what can be seen of both afterwards."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

import qsup
from handlers.deployment.job import take_back
from handlers.jobs import RouterProvisioningJob
from handlers.sandbox.faults import Fault, Faults, Kind
from handlers.sandbox.menus import MENUS
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.tables import Row, Tables
from qsup.outcome import Report
from tests.handlers.hotspot import Hotspot

QUEUE = "router-provisioning"
SECRET = "kilimanjaro-5895"
HERE = {"mgmt_net": "127.0.0.0/8"}
"""The simulator is on this machine: the router sees us at 127.0.0.1."""
WRITING = ("/add", "/set", "/unset", "/remove")
FIRST = 80
"""Writes of a first deployment: 68 rows and 12 settings. SNMP is off on a router out of its box."""


@dataclass
class Site:
    """One router in the database and on a port."""

    hotspot: Hotspot
    simulator: RouterSimulator
    id: int

    def deploy(self, **context: Any) -> list[Report]:
        """Dispatch a deployment and turn the worker until nothing is left to try."""
        self.dispatch()
        return self.run(**context)

    def dispatch(self) -> int:
        """A deployment is asked for."""
        return int(RouterProvisioningJob(router_id=self.id).dispatch(self.hotspot.db))

    def run(self, **context: Any) -> list[Report]:
        """Turn the worker."""
        return self.hotspot.run(QUEUE, **{"timeout": 600.0} | context)

    def once(self) -> Report:
        """One run of the next job."""
        with psycopg.connect(self.hotspot.dsn, autocommit=True) as conn:
            report = self.hotspot.run_once(conn, QUEUE, timeout=600.0)
        assert report is not None
        return report

    def drop_jobs(self) -> None:
        """Whatever waits, waits no more."""
        self.hotspot.db.execute("DELETE FROM qsup.jobs")

    def open_entries(self) -> list[dict[str, Any]]:
        """What the journal would take back."""
        return self.hotspot.rows("SELECT * FROM hotspot.router_journal WHERE state IN ('begun', 'done')")

    def give_up(self, error: str, job: int | None = None) -> None:
        """The failed hook of a job (the router's last one), as the engine calls it."""
        job = job or self.row("deploy_job")["deploy_job"] or 0
        take_back(RouterProvisioningJob(router_id=self.id), hook_context(self.hotspot, job, error))

    def row(self, *columns: str) -> dict[str, Any]:
        """Columns of hotspot.routers."""
        return self.hotspot.row(f"SELECT {', '.join(columns)} FROM hotspot.routers WHERE id = {self.id}")  # noqa: S608  the test's own words

    def from_the_box(self) -> None:
        """The router is reset, and as if it had never been deployed to."""
        self.simulator.tables = Tables(sessions=self.simulator._sessions)
        self.simulator.commands.clear()
        self.hotspot.db.execute("DELETE FROM hotspot.router_journal")
        self.hotspot.db.execute(
            "UPDATE hotspot.routers SET deploy = 'none', verified_at = NULL, verified_hash = NULL, deploy_job = NULL"
        )

    def writes(self) -> list[str]:
        """The commands that changed something, so far."""
        return [command for command in self.simulator.commands if command.endswith(WRITING)]

    def tables(self) -> dict[str, list[Row]]:
        """Everything that is on the router, with ids and in order."""
        return tables_of(self.simulator)

    def rows(self, path: str, *queries: str) -> list[Row]:
        """Rows of a menu, in order."""
        return self.simulator.tables.find(path, queries)

    def comments(self, path: str) -> list[str]:
        """The comments of a menu, in order, without our prefix."""
        return [row.get("comment", "").removeprefix("qsup:hs:") for row in self.rows(path)]


@contextmanager
def a_site(hotspot: Hotspot, simulator: RouterSimulator, **values: str) -> Iterator[Site]:
    """The router's row; `values` are its variables."""
    number = hotspot.value(
        "INSERT INTO hotspot.routers (address, name, vars) VALUES (%s, 'ggn-hsp-07', %s) RETURNING id",
        simulator.address,
        json.dumps(HERE | values),
    )
    yield Site(hotspot, simulator, number)
    hotspot.db.execute("DELETE FROM hotspot.router_journal")
    hotspot.db.execute("DELETE FROM hotspot.routers")


def hook_context(hotspot: Hotspot, job: int, error: str) -> qsup.Context:
    """What a failed hook is given."""
    return qsup.Context(
        job_id=job, claim_number=9, attempt=1, tries=3, crashes=0, queue=QUEUE, slot=f"{QUEUE}:0", timeout=600.0,
        error=error, open_transaction=lambda: None, send_progress=lambda *_: None,
        open_connection=lambda: psycopg.connect(hotspot.dsn, autocommit=True),
    )  # fmt: skip


def tables_of(simulator: RouterSimulator) -> dict[str, list[Row]]:
    """Every menu without rows that come and go by themselves."""
    return {
        path: [row for row in simulator.tables.find(path) if row.get("dynamic") != "true"]
        for path in MENUS
        if path != "/user/active"
    }


class NthWrite(Faults):
    """The n-th write (from 1) goes wrong, once."""

    def __init__(self, number: int, kind: Kind, text: str = "") -> None:
        super().__init__()
        self.number, self.kind, self.text = number, kind, text
        self.hit = ""

    def take(self, command: str) -> Fault | None:
        """Count writes."""
        if not command.endswith(WRITING):
            return None
        self.number -= 1
        if self.number:
            return None
        self.hit = command
        return Fault(command=command, kind=self.kind, texts=(self.text,) if self.text else ())


def words(report: Report) -> str:
    """Everything that a report says."""
    return " ".join(str(value) for value in dataclasses.asdict(report).values())


def kinds(reports: list[Report]) -> list[str]:
    """How each run ended."""
    return [report.kind for report in reports]


__all__ = ["FIRST", "HERE", "SECRET", "NthWrite", "Site", "a_site", "kinds", "tables_of", "words"]
