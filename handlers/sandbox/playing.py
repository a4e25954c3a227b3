"""The demo's script: what the callbacks' file asks for, played one after the other, and what was seen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from handlers import intake
from handlers.jobs import ProcessPaymentJob, ProvisionUserInMikroTikJob, SendCredentialsSMSJob
from handlers.phones import canonical

JOBS = [job.__name__ for job in (ProcessPaymentJob, ProvisionUserInMikroTikJob, SendCredentialsSMSJob)]
CHANGEABLE = ("users", "payments", "subscriptions", "sms_outbox")

Connection = psycopg.Connection[Any]


class BadScript(Exception):
    """The callbacks' file cannot be played; the message says what is wrong with it."""


class TooSlow(Exception):
    """Something did not happen in time."""


@dataclass(frozen=True, slots=True)
class Case:
    """One callback of the file and what must become of it."""

    name: str
    kind: str
    payload: Any
    expect: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """The whole file."""

    cases: list[Case]
    requests: list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class Played:
    """What a callback came to. `steps`: its jobs that ended; `seconds`: from its arrival to the last of them."""

    case: Case
    callback_id: int
    seen: dict[str, Any]
    steps: list[str] = field(default_factory=list)
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)


def read_script(path: Path) -> Script:
    """The file of callbacks. Raises BadScript."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        cases = [Case(case["name"], case["kind"], case["payload"], dict(case["expect"])) for case in data["cases"]]
        requests = [
            {
                "checkout": request["checkout_request_id"],
                "phone": canonical(request["phone"]),
                "amount": Decimal(str(request["amount"])),
            }
            for request in data.get("known_requests", [])
        ]
    except OSError as error:
        raise BadScript(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise BadScript(f"{path} is not a file of callbacks ({type(error).__name__}: {error})") from None
    return Script(cases, requests)


def wait_until_declared(conn: Connection, check: Callable[[], None], seconds: float) -> None:
    """Wait until the jobs of queues.yaml are declared in the database. Raises TooSlow, or what `check` raises."""

    def declared() -> bool:
        check()
        if _rows(conn, "SELECT to_regclass('qsup.job_types') AS found")[0]["found"] is None:
            return False
        return len(_rows(conn, "SELECT name FROM qsup.job_types WHERE name = ANY (%s)", [JOBS])) == len(JOBS)

    until(declared, seconds, "qsup run has not declared the payment flow's jobs")


def furnish(conn: Connection, script: Script) -> None:
    """A package for every amount that was asked for (and one for 20), and the requests that the callbacks answer."""
    for price in sorted({Decimal(20), *(request["amount"] for request in script.requests)}):
        code = f"kes-{price.normalize():f}".replace(".", "-")
        conn.execute(
            "INSERT INTO hotspot.packages (code, name, price, duration, rate_limit)"
            " VALUES (%s, %s, %s, interval '3 minutes' * %s, '2M/5M')",
            [code, f"WiFi for KES {price.normalize():f}", price, float(price)],
        )
    for request in script.requests:
        conn.execute(
            "INSERT INTO hotspot.stk_requests (checkout_request_id, phone, amount, package_id)"
            " SELECT %(checkout)s, %(phone)s, %(amount)s, id FROM hotspot.packages WHERE price = %(amount)s",
            request,
        )


def play(conn: Connection, script: Script, seconds: float) -> Iterator[Played]:
    """Let each callback arrive, wait for its payment job, compare. Raises TooSlow."""
    for case in script.cases:
        before = _fingerprint(conn)
        callback_id = intake.receive_callback(conn, case.kind, case.payload)
        settled = partial(_is_settled, conn, callback_id)
        until(settled, seconds, f"{case.name}: its payment job did not end")
        played = Played(case=case, callback_id=callback_id, seen=_seen(conn, callback_id))
        if case.expect.get("changes") == 0 and _fingerprint(conn) != before:
            played.differences.append("it changed something")
        played.differences += _compare(case.expect, played.seen)
        yield played


def wait_for_sms(conn: Connection, check: Callable[[], None], seconds: float) -> bool:
    """Wait until every subscription's SMS is on its way; False when a job failed or time is up before that."""

    def done() -> bool:
        check()
        open_rows = _rows(
            conn,
            "SELECT FROM hotspot.subscriptions s JOIN hotspot.sms_outbox o ON o.subscription_id = s.id"
            " WHERE s.provisioned_at IS NULL OR o.state NOT IN ('sent', 'delivered')",
        )
        failed = _rows(conn, "SELECT FROM qsup.failed_jobs LIMIT 1")
        return not open_rows or bool(failed)

    try:
        until(done, seconds, "the messages are not all sent")
    except TooSlow:
        return False
    return True


def follow(conn: Connection, played: Played) -> None:
    """Note how far the callback's money came, and what is missing."""
    row = _rows(
        conn,
        "SELECT i.received_at, i.processed_at, s.provisioned_at, o.state, o.changed_at FROM hotspot.mpesa_inbox i"
        " LEFT JOIN hotspot.subscriptions s ON s.payment_id = i.payment_id AND i.outcome = 'paid'"
        " LEFT JOIN hotspot.sms_outbox o ON o.subscription_id = s.id WHERE i.id = %s",
        [played.callback_id],
    )[0]
    ends = [row["processed_at"]]
    played.steps = ["payment"]
    if row["provisioned_at"]:
        played.steps.append("router")
        ends.append(row["provisioned_at"])
    if row["state"] in {"sent", "delivered"}:
        played.steps.append("SMS")
        ends.append(row["changed_at"])
    played.seconds = (max(end for end in ends if end) - row["received_at"]).total_seconds() if ends[0] else 0.0
    if played.seen["outcome"] == "paid" and len(played.steps) < 3:
        played.differences.append(f"it came no further than: {played.steps[-1]}")


def failures(conn: Connection) -> list[str]:
    """The jobs that failed for good, in words."""
    rows = _rows(conn, "SELECT type, payload, message FROM qsup.failed_jobs ORDER BY failed_at")
    return [f"{row['type']} {json.dumps(row['payload'])} failed: {row['message']}" for row in rows]


def subscribers(conn: Connection) -> dict[str, int]:
    """Phone → how many subscriptions were paid for."""
    rows = _rows(
        conn,
        "SELECT u.phone, count(*) AS bought FROM hotspot.subscriptions s JOIN hotspot.users u ON u.id = s.user_id"
        " GROUP BY u.phone ORDER BY u.phone",
    )
    return {row["phone"]: row["bought"] for row in rows}


def _rows(conn: Connection, statement: str, values: Any = None) -> list[dict[str, Any]]:
    return conn.cursor(row_factory=dict_row).execute(statement.encode(), values).fetchall()


def _is_settled(conn: Connection, callback_id: int) -> bool:
    rows = _rows(
        conn,
        "SELECT FROM hotspot.mpesa_inbox WHERE id = %(id)s AND outcome IS NOT NULL UNION ALL"
        " SELECT FROM qsup.failed_jobs WHERE type = 'ProcessPaymentJob' AND (payload->>'callback_id')::bigint = %(id)s",
        {"id": callback_id},
    )
    return bool(rows)


def _seen(conn: Connection, callback_id: int) -> dict[str, Any]:
    return _rows(
        conn,
        "SELECT i.outcome, i.failure AS class, i.note, p.receipt, p.amount::text, p.phone, p.account, p.paid_at"
        " FROM hotspot.mpesa_inbox i LEFT JOIN hotspot.payments p ON p.id = i.payment_id WHERE i.id = %s",
        [callback_id],
    )[0]


def _compare(expect: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    differences = []
    for name, wanted in expect.items():
        if name == "changes":
            continue
        found = seen.get(name)
        same = found == datetime.fromisoformat(wanted) if name == "paid_at" and found else found == wanted
        if not same:
            differences.append(f"{name}: expected {wanted}, seen {found}")
    return differences


def _fingerprint(conn: Connection) -> list[Any]:
    counts = [_rows(conn, f"SELECT count(*) FROM hotspot.{table}") for table in CHANGEABLE]  # noqa: S608  a fixed list
    requests = _rows(conn, "SELECT checkout_request_id, state FROM hotspot.stk_requests ORDER BY 1")
    return [*counts, requests]


def until(predicate: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds. Raises TooSlow."""
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            raise TooSlow(f"after {seconds:g} s: {what}")
        time.sleep(0.01)
