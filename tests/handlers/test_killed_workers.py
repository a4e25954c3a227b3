"""Real workers of `qsup run` are killed at each step of a payment, and between the sending of an SMS and its answer.

A trigger on each table is the breakpoint: it waits for an advisory lock that the test holds.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handlers import intake, schema
from handlers.sandbox.routeros import RouterSimulator
from handlers.sandbox.sms import HANG, SmsGateway
from qsup.embedded import Server
from tests.conftest import migrated_database
from tests.supervise.rig import Run

TABLES = [
    "hotspot.stk_requests",
    "hotspot.users",
    "hotspot.payments",
    "hotspot.subscriptions",
    "radius.radcheck",
    "radius.radgroupcheck",
    "radius.radreply",
    "hotspot.sms_outbox",
    "qsup.jobs",
    "hotspot.mpesa_inbox",
    "commit",
]
WRITTEN_BY_THE_TEST = {"hotspot.stk_requests", "hotspot.mpesa_inbox"}
BREAKPOINTS = """
CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext(TG_ARGV[0]));
    RETURN CASE WHEN TG_LEVEL = 'ROW' THEN NEW END;
END $$;
CREATE TRIGGER stop_here BEFORE INSERT ON qsup.jobs FOR EACH ROW WHEN (NEW.type = 'ProvisionUserInMikroTikJob')
    EXECUTE FUNCTION stop_here('qsup.jobs');
CREATE CONSTRAINT TRIGGER stop_there AFTER INSERT ON hotspot.payments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION stop_here('commit');
"""
QUEUES: dict[str, dict[str, Any]] = {
    name: {"workers": workers, "timeout": "20s", "backoff": "0.1s", "sleep": "0.2s", "tries": 5}
    for name, workers in {"payments": 4, "provisioning": 1, "hotspot-sms": 2}.items()
}
"""Several workers, because a slot whose worker dies again and again is filled more and more slowly."""
JOBS = {
    "ProcessPaymentJob": ("payments", "handlers.payments:process_payment"),
    "ProvisionUserInMikroTikJob": ("provisioning", "handlers.mikrotik:provision_user"),
    "SendCredentialsSMSJob": ("hotspot-sms", "handlers.sms:send_credentials"),
}


class Shop(Run):
    """The three queues of the payment flow under `qsup run`, with a router and a gateway."""

    def __init__(self, project: Path, dsn: str, router: RouterSimulator, gateway: SmsGateway) -> None:
        super().__init__(project, dsn)
        self.router, self.gateway, self.customers = router, gateway, 0
        jobs = {name: {"queue": queue, "handler": handler} for name, (queue, handler) in JOBS.items()}
        (project / "queues.yaml").write_text(json.dumps({"version": 1, "queues": QUEUES, "jobs": jobs}))

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "ROUTER": self.router.address, "ROUTER_USER": "qsup", "ROUTER_PASSWORD": "s3cret",
            "SMS_URL": self.gateway.url, "SMS_USERNAME": "sandbox", "SMS_API_KEY": "sandbox-key",
            "SMS_REPORT_WAIT": "2", "HOTSPOT_UNMATCHED_WAITS": "1",
        }  # fmt: skip
        return super().environment | own

    def pays(self, conn: psycopg.Connection[Any]) -> str:
        """A new customer, who has paid; his number."""
        self.customers += 1
        phone, checkout = f"2547000000{self.customers:02}", f"ws_CO_{self.customers}"
        conn.execute(
            "INSERT INTO hotspot.stk_requests (checkout_request_id, phone, amount, package_id) VALUES (%s, %s, 20, 1)",
            [checkout, phone],
        )
        items = [
            {"Name": "Amount", "Value": 20},
            {"Name": "MpesaReceiptNumber", "Value": f"TJ95H3K{self.customers:03}"},
        ]
        callback = {"CheckoutRequestID": checkout, "ResultCode": 0, "CallbackMetadata": {"Item": items}}
        intake.receive_callback(conn, "stk", {"Body": {"stkCallback": callback}})
        return phone

    def kill_who_does(self, job: str) -> None:
        """kill -9 of the worker that is at a job of this class."""
        statement = f"SELECT split_part(reserved_by, '/', 2) FROM qsup.jobs WHERE type = '{job}' AND state = 'running'"  # noqa: S608  names of this file
        slot = self.rows(statement)[0][0]
        os.kill(self.pids()[slot], signal.SIGKILL)

    def comes_to(self, phone: str) -> tuple[int, ...]:
        """How often the customer is there as a payment, a subscription, on the router, and at the gateway."""
        counts = self.rows(
            "SELECT (SELECT count(*) FROM hotspot.payments WHERE phone = %(phone)s),"
            " (SELECT count(*) FROM hotspot.subscriptions s JOIN hotspot.users u ON u.id = s.user_id"
            "  WHERE u.phone = %(phone)s)".replace("%(phone)s", f"'{phone}'")
        )[0]
        on_router = self.router.tables.find("/ip/hotspot/user", [f"?name={phone}"])
        return (*counts, len(on_router), len([sent for sent in self.gateway.sent if sent.to == f"+{phone}"]))


@pytest.fixture(scope="module")
def shop(server: Server, template: str, make_project: Callable[[], AbstractContextManager[Path]]) -> Iterator[Shop]:
    """One for all tests here: it takes two seconds to start."""
    with ExitStack() as stack:
        dsn = stack.enter_context(migrated_database(server, template))
        with psycopg.connect(dsn, autocommit=True) as conn:
            schema.migrate(conn)
            conn.execute(BREAKPOINTS)
            for table in set(TABLES) - {"qsup.jobs", "commit"}:
                events = "UPDATE" if table in WRITTEN_BY_THE_TEST else "UPDATE OR INSERT"
                conn.execute(
                    f"CREATE TRIGGER stop_here BEFORE {events} ON {table} FOR EACH STATEMENT"
                    f" EXECUTE FUNCTION stop_here('{table}')".encode()
                )
            conn.execute(
                "INSERT INTO hotspot.packages (code, name, price, duration, rate_limit)"
                " VALUES ('wifi-1h', 'WiFi 1h', 20, '1 hour', '2M/5M')"
            )
        router = stack.enter_context(RouterSimulator(user="qsup", password="s3cret"))
        gateway = stack.enter_context(SmsGateway())
        shop = Shop(stack.enter_context(make_project()), dsn, router, gateway)
        stack.callback(shop.close)
        shop.spawn()
        shop.settles(**{name: int(queue["workers"]) for name, queue in QUEUES.items()})
        yield shop


def somebody_waits(shop: Shop) -> bool:
    return bool(shop.rows("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ShareLock'"))


@pytest.mark.parametrize("table", TABLES)
def test_a_worker_killed_at_any_step_of_a_payment_leaves_the_delivery_and_the_next_one_does_it_once(
    shop: Shop, table: str
) -> None:
    with psycopg.connect(shop.dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(hashtext(%s))", [table])
        phone = shop.pays(conn)
        shop.until(lambda: somebody_waits(shop), f"the worker is stopped at {table}")
        shop.kill_who_does("ProcessPaymentJob")
        assert shop.comes_to(phone) == (0, 0, 0, 0)
        assert shop.rows("SELECT outcome FROM hotspot.mpesa_inbox ORDER BY id DESC LIMIT 1") == [(None,)]
    shop.waits_for_jobs_to_end()
    assert shop.comes_to(phone) == (1, 1, 1, 1)
    assert shop.rows("SELECT outcome FROM hotspot.mpesa_inbox ORDER BY id DESC LIMIT 1") == [("paid",)]


def test_a_worker_killed_after_the_commit_has_done_it_and_nothing_comes_twice(shop: Shop) -> None:
    with psycopg.connect(shop.dsn, autocommit=True) as conn:
        phone = shop.pays(conn)
    shop.until(lambda: shop.comes_to(phone)[0], "the payment is committed")
    for slot, pid in shop.pids().items():
        if slot.startswith("payments:"):
            os.kill(pid, signal.SIGKILL)
    shop.waits_for_jobs_to_end()
    assert shop.comes_to(phone) == (1, 1, 1, 1)


def test_a_worker_killed_between_sending_and_the_answer_sends_at_most_once_more_with_the_same_text(shop: Shop) -> None:
    shop.gateway.order(HANG)
    with psycopg.connect(shop.dsn, autocommit=True) as conn:
        phone = shop.pays(conn)
        shop.until(lambda: shop.comes_to(phone)[3] == 1, "the gateway has taken the message")
        shop.kill_who_does("SendCredentialsSMSJob")
        shop.waits_for_jobs_to_end()
    texts = [sent.text for sent in shop.gateway.sent if sent.to == f"+{phone}"]
    assert len(texts) == 2
    assert len(set(texts)) == 1
    assert shop.rows("SELECT state, resends FROM hotspot.sms_outbox ORDER BY id DESC LIMIT 1") == [("sent", 1)]
    assert shop.rows("SELECT count(*) FROM qsup.failed_jobs") == [(0,)]
