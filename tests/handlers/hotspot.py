"""A hotspot for tests: a real database with both schemas, the real declared jobs, and a worker that the test turns.

The worker claims a job, runs its handler with the engine's own perform() and JobTransaction, and settles what is left.
Waits (Retry, backoff) are skipped: the next turn takes the job again at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

import qsup
from handlers import intake
from qsup.messages import Work
from qsup.outcome import Report
from qsup.perform import SoftLimit, perform
from qsup.routing import Routing
from qsup.transaction import Connections, JobTransaction

DATA = Path(__file__).parent / "data"
CALLBACKS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "handlers" / "sandbox" / "data" / "mpesa_callbacks.json").read_text()
)
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in CALLBACKS["cases"]}

COMES_TO = {
    "users": "SELECT phone, username FROM hotspot.users ORDER BY 1",
    "requests": "SELECT checkout_request_id, state, failure, result_code FROM hotspot.stk_requests ORDER BY 1",
    "payments": (
        "SELECT p.receipt, p.checkout_request_id, p.state, p.amount, p.phone, p.account, p.paid_at, p.reason, k.code,"
        " s.router_id, s.ends_at - s.starts_at AS time FROM hotspot.payments p"
        " LEFT JOIN hotspot.packages k ON k.id = p.package_id"
        " LEFT JOIN hotspot.subscriptions s ON s.payment_id = p.id ORDER BY 1, 2"
    ),
    "sums": (
        "SELECT u.phone, count(*), sum(s.ends_at - s.starts_at) AS time, count(o.id) AS messages FROM hotspot.users u"
        " JOIN hotspot.subscriptions s ON s.user_id = u.id"
        " LEFT JOIN hotspot.sms_outbox o ON o.subscription_id = s.id GROUP BY 1 ORDER BY 1"
    ),
    "checks": (
        "SELECT c.username, c.attribute, c.op, c.value IN (u.password, (SELECT to_char(max(ends_at) AT TIME ZONE 'UTC',"
        " 'Mon DD YYYY HH24:MI:SS') FROM hotspot.subscriptions WHERE user_id = u.id)) AS right"
        " FROM radius.radcheck c JOIN hotspot.users u USING (username) ORDER BY 1, 2"
    ),
    "replies": "SELECT username, attribute, value FROM radius.radreply ORDER BY 1, 2",
    "groups": "SELECT username, groupname FROM radius.radusergroup ORDER BY 1",
    "group replies": "SELECT groupname, attribute, value FROM radius.radgroupreply ORDER BY 1, 2",
    "group checks": "SELECT groupname, attribute, value FROM radius.radgroupcheck ORDER BY 1, 2",
    "jobs": "SELECT type, count(*) FROM qsup.jobs WHERE type <> 'ProcessPaymentJob' GROUP BY 1 ORDER BY 1",
}


EMPTY = """
    DO $$ DECLARE one record; BEGIN
        SET LOCAL session_replication_role = replica;  -- neither triggers nor foreign keys
        FOR one IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
            WHERE schemaname IN ('hotspot', 'radius') AND tablename <> 'schema_version'
            UNION ALL VALUES ('qsup.jobs'), ('qsup.failed_jobs'), ('qsup.job_events')
        LOOP EXECUTE 'DELETE FROM ' || one.name; END LOOP;
        FOR one IN SELECT format('%I.%I', schemaname, sequencename)::regclass AS name, start_value FROM pg_sequences
            WHERE schemaname IN ('hotspot', 'radius', 'qsup') AND last_value IS NOT NULL
        LOOP PERFORM setval(one.name, one.start_value, false); END LOOP;
    END $$
"""
"""Takes away what a test may have written. TRUNCATE makes files anew: 80 ms of processor instead of 1 (26 tables)."""


@dataclass
class Hotspot:
    """The database of one test."""

    dsn: str
    routing: Routing
    db: psycopg.Connection[Any]
    told: list[tuple[float, str]] = field(default_factory=list)
    """What the jobs said of their progress."""

    def hear(self, percent: float, note: str) -> None:
        """A job says how far it is."""
        self.told.append((percent, note))

    def start_anew(self) -> None:
        """Nobody has paid yet: two packages, and the known requests."""
        self.db.execute(EMPTY)
        self.db.execute(
            "INSERT INTO hotspot.packages (code, name, price, duration, rate_limit) VALUES"
            " ('wifi-1h', 'WiFi 1h', 20, '1 hour', '2M/5M'), ('wifi-1d', 'WiFi 1 day', 50, '1 day', '5M/10M')"
        )
        for request in CALLBACKS["known_requests"]:
            add_request(self.db, request["checkout_request_id"], request["phone"], request["amount"])

    def receive(self, kind: str, payload: bytes | str | Mapping[str, Any]) -> int:
        """A callback arrives."""
        return intake.receive_callback(self.db, kind, payload)

    def play(self, name: str) -> dict[str, Any]:
        """A case arrives and its payment job runs to its end; the inbox row."""
        callback = self.receive(CASES[name]["kind"], CASES[name]["payload"])
        self.run("payments")
        return self.delivery(callback)

    def delivery(self, callback: int) -> dict[str, Any]:
        """What the inbox says of a delivery, with its payment."""
        return self.row(
            "SELECT i.outcome, i.failure AS class, i.note, p.receipt, p.amount::text, p.phone, p.account, p.paid_at"
            " FROM hotspot.mpesa_inbox i LEFT JOIN hotspot.payments p ON p.id = i.payment_id WHERE i.id = %s",
            callback,
        )

    def run(self, queue: str, **context: Any) -> list[Report]:
        """Turn the worker until the queue has no ready job; how each run went."""
        reports = []
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            while (report := self.run_once(conn, queue, **context)) is not None:
                reports.append(report)
        return reports

    def run_once(self, conn: psycopg.Connection[Any], queue: str, **context: Any) -> Report | None:
        """Run the next ready job of a queue; None when there is none."""
        row = conn.execute(
            "UPDATE qsup.jobs SET state = 'running', claim_number = claim_number + 1, attempts = attempts + 1,"
            " reserved_at = now(), reserved_by = 'test', lease_until = now() + interval '1 hour'"
            " WHERE id = (SELECT id FROM qsup.jobs WHERE queue = %s AND state = 'ready' ORDER BY seq"
            "  LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, claim_number, type, payload::text, attempts",
            [queue],
        ).fetchone()
        if row is None:
            return None
        route = self.routing.routes[row[2]]
        work = Work(
            id=row[0], claim=row[1], type=row[2], queue=queue, handler=route.handler, payload=row[3], attempt=row[4],
            tries=self.routing.queues[queue].tries, crashes=0, timeout=context.get("timeout", 30.0), grace=10.0,
            step="run", dsn=self.dsn,
        )  # fmt: skip
        return self._settle(conn, work, self._perform(work))

    def _perform(self, work: Work) -> Report:
        connections, limit = Connections("test"), SoftLimit()
        transaction = JobTransaction(work, connections, 60.0, lambda: None)
        context = qsup.Context(
            job_id=work.id, claim_number=work.claim, attempt=work.attempt, tries=work.tries, crashes=0,
            queue=work.queue, slot=f"{work.queue}:0", timeout=work.timeout, open_transaction=lambda: transaction,
            open_connection=lambda: psycopg.connect(self.dsn, autocommit=True), send_progress=self.hear,
        )  # fmt: skip
        try:
            report = perform(work, context, NoAlarm(limit))
        finally:
            connections.close()
        return Report(kind="committed") if transaction.state == "committed" else report

    def _settle(self, conn: psycopg.Connection[Any], work: Work, report: Report) -> Report:
        again = report.kind in {"retry", "error"} and work.attempt < work.tries
        if again:
            conn.execute(
                "UPDATE qsup.jobs SET state = 'ready', reserved_at = NULL, reserved_by = NULL, lease_until = NULL"
                " WHERE id = %s",
                [work.id],
            )
        elif report.kind != "committed":
            conn.execute("DELETE FROM qsup.jobs WHERE id = %s", [work.id])
        return report

    def row(self, statement: str, *values: Any) -> dict[str, Any]:
        """One row as a dict; fails when there is none."""
        rows = self.rows(statement, *values)
        assert len(rows) == 1, f"{len(rows)} rows of: {statement}"
        return rows[0]

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows as dicts."""
        cursor = self.db.execute(statement.encode(), values)
        names = [column.name for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the one row."""
        return next(iter(self.row(statement, *values).values()))

    def jobs(self, queue: str) -> list[dict[str, Any]]:
        """The payloads waiting in a queue."""
        return [
            row["payload"] for row in self.rows("SELECT payload FROM qsup.jobs WHERE queue = %s ORDER BY id", queue)
        ]

    def tell(self, subscription: int) -> None:
        """The customer of a subscription is to be sent his SMS."""
        self.db.execute(
            "SELECT qsup.dispatch('SendCredentialsSMSJob', %s)", [json.dumps({"subscription_id": subscription})]
        )

    def run_at_once(self, queue: str, threads: int = 20, **context: Any) -> list[Report]:
        """Turn that many workers, each with connections of its own, until the queue has no ready job."""
        with ThreadPoolExecutor(threads) as pool:
            turns = [pool.submit(self.run, queue, **context) for _ in range(threads)]
        return [report for turn in turns for report in turn.result()]

    def waiting_backends(self) -> int:
        """How many connections of this database wait for a lock."""
        return int(self.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                              " AND wait_event_type = 'Lock'"))  # fmt: skip

    def comes_to(self) -> dict[str, list[dict[str, Any]]]:
        """What the payments have come to, without ids, times and passwords, which no two runs have in common."""
        return {name: self.rows(statement) for name, statement in COMES_TO.items()}

    def money(self) -> list[list[dict[str, Any]]]:
        """Everything that a callback may change, to compare before and after."""
        tables = ["users", "payments", "subscriptions", "sms_outbox", "stk_requests"]
        rows = [self.rows(f"SELECT * FROM hotspot.{table} ORDER BY 1") for table in tables]  # noqa: S608  a fixed list
        return [*rows, self.rows("SELECT * FROM radius.radcheck ORDER BY id")]


class NoAlarm(SoftLimit):
    """The time limit is not what these tests are about, and a thread of a test may not set a signal handler."""

    def __init__(self, limit: SoftLimit) -> None:
        super().__init__()
        self.limit = limit

    def start(self, seconds: float) -> None:
        """No timer."""

    def __exit__(self, *_: object) -> None:
        """No timer to stop."""


def add_request(db: psycopg.Connection[Any], checkout: str, phone: str, amount: str) -> None:
    """A request that we made, for the package of that price."""
    db.execute(
        "INSERT INTO hotspot.stk_requests (checkout_request_id, phone, amount, package_id)"
        " SELECT %s, %s, %s, id FROM hotspot.packages WHERE price = %s",
        [checkout, phone, amount, Decimal(amount)],
    )
