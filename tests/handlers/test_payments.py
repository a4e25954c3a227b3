"""ProcessPaymentJob on a real database: every case of the callbacks' file, twice, out of order, and twenty at once."""

from __future__ import annotations

import copy
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.handlers.hotspot import CASES, Hotspot, add_request

CHECKOUT = "ws_CO_091020250545018712345678"
PHONE = "254712345678"


def shows(delivery: dict[str, Any], expect: dict[str, Any]) -> None:
    for name, value in expect.items():
        if name == "paid_at":
            assert delivery["paid_at"] == datetime.fromisoformat(value)
        elif name != "changes":
            assert delivery[name] == value, f"{name}: {delivery}"


def test_every_case_in_order_has_the_outcome_that_it_expects_and_a_second_round_changes_nothing(
    hotspot: Hotspot,
) -> None:
    for name, case in CASES.items():
        before = hotspot.money()
        shows(hotspot.play(name), case["expect"])
        if case["expect"].get("changes") == 0:
            assert hotspot.money() == before, name
    after = hotspot.money()
    for name, case in CASES.items():
        expected = case["expect"]["outcome"]
        assert hotspot.play(name)["outcome"] == {"paid": "already-paid"}.get(expected, expected), name
    assert hotspot.money() == after


def test_a_payment_makes_customer_subscription_radius_rows_sms_and_next_job(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    user = hotspot.row("SELECT * FROM hotspot.users")
    bought = hotspot.row("SELECT * FROM hotspot.subscriptions")
    assert bought["ends_at"] - bought["starts_at"] == timedelta(hours=1)
    assert abs(bought["starts_at"] - datetime.now(UTC)) < timedelta(minutes=5)
    checks = {row["attribute"]: (row["op"], row["value"]) for row in hotspot.rows("SELECT * FROM radius.radcheck")}
    assert checks["Cleartext-Password"] == (":=", user["password"])
    assert checks["Expiration"] == (":=", bought["ends_at"].astimezone(UTC).strftime("%b %d %Y %H:%M:%S"))
    assert hotspot.row("SELECT username, groupname FROM radius.radusergroup") == {
        "username": PHONE,
        "groupname": "wifi-1h",
    }
    assert hotspot.rows("SELECT groupname, attribute, value FROM radius.radgroupreply ORDER BY attribute") == [
        {"groupname": "wifi-1h", "attribute": "Idle-Timeout", "value": "300"},
        {"groupname": "wifi-1h", "attribute": "Mikrotik-Rate-Limit", "value": "2M/5M"},
    ]
    assert hotspot.row("SELECT groupname, attribute, op, value FROM radius.radgroupcheck") == {
        "groupname": "wifi-1h",
        "attribute": "Simultaneous-Use",
        "op": ":=",
        "value": "1",
    }
    assert hotspot.row("SELECT state, phone, body FROM hotspot.sms_outbox") == {
        "state": "pending",
        "phone": PHONE,
        "body": None,
    }
    assert hotspot.jobs("provisioning") == [{"subscription_id": bought["id"]}]
    assert hotspot.jobs("payments") == []


def test_twenty_copies_at_once_are_applied_once(hotspot: Hotspot) -> None:
    case = CASES["stk_success"]
    callbacks = [hotspot.receive("stk", case["payload"]) for _ in range(20)]

    def turn(_: int) -> str:
        with psycopg.connect(hotspot.dsn, autocommit=True) as conn:
            report = hotspot.run_once(conn, "payments")
        return report.kind if report else "nothing"

    with ThreadPoolExecutor(20) as pool:
        kinds = list(pool.map(turn, range(20)))
    assert kinds == ["committed"] * 20
    outcomes = Counter(hotspot.delivery(callback)["outcome"] for callback in callbacks)
    assert outcomes == {"paid": 1, "already-paid": 19}
    assert hotspot.value("SELECT count(*) FROM hotspot.subscriptions") == 1
    assert len(hotspot.jobs("provisioning")) == 1


def test_two_payments_of_one_customer_at_once_follow_each_other(hotspot: Hotspot) -> None:
    hotspot.receive("stk", CASES["stk_success"]["payload"])
    hotspot.receive("c2b", CASES["c2b_paybill"]["payload"])

    def turn(_: int) -> str:
        with psycopg.connect(hotspot.dsn, autocommit=True) as conn:
            report = hotspot.run_once(conn, "payments")
        return report.reason if report and report.kind != "committed" else ""

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(turn, range(2))) == ["", ""]
    first, second = hotspot.rows("SELECT starts_at, ends_at FROM hotspot.subscriptions ORDER BY starts_at")
    assert second["starts_at"] == first["ends_at"]
    assert len({row["password"] for row in hotspot.rows("SELECT password FROM hotspot.users")}) == 1


def test_money_wins_over_an_earlier_failure(hotspot: Hotspot) -> None:
    failure = copy.deepcopy(CASES["stk_late_failure_after_success"]["payload"])
    late = hotspot.receive("stk", failure)
    hotspot.run("payments")
    assert hotspot.delivery(late)["class"] == "unreachable"
    assert hotspot.play("stk_success")["outcome"] == "paid"
    assert hotspot.value("SELECT state FROM hotspot.stk_requests WHERE checkout_request_id = %s", CHECKOUT) == "paid"


def test_a_callback_that_overtakes_our_own_commit_is_tried_again_and_applied(hotspot: Hotspot) -> None:
    case = CASES["stk_unknown_checkout"]
    callback = hotspot.receive("stk", case["payload"])
    with psycopg.connect(hotspot.dsn, autocommit=True) as conn:
        first = hotspot.run_once(conn, "payments")
        assert first is not None
        assert (first.kind, first.after) == ("retry", 1.0)
        add_request(hotspot.db, "ws_CO_010120250000000000000000", PHONE, "20.00")
        second = hotspot.run_once(conn, "payments")
    assert second is not None
    assert second.kind == "committed"
    assert hotspot.delivery(callback)["outcome"] == "paid"


def test_unmatched_money_is_kept_and_applied_when_its_request_is_known(hotspot: Hotspot) -> None:
    assert hotspot.play("stk_unknown_checkout")["outcome"] == "unmatched"
    assert hotspot.value("SELECT state FROM hotspot.payments") == "unmatched"
    add_request(hotspot.db, "ws_CO_010120250000000000000000", PHONE, "20.00")
    assert hotspot.play("stk_unknown_checkout")["outcome"] == "paid"
    assert hotspot.row("SELECT receipt, state FROM hotspot.payments") == {"receipt": "TJ95H3KDDD", "state": "applied"}


def test_one_payment_reported_by_stk_and_c2b_is_applied_once_whichever_comes_first(hotspot: Hotspot) -> None:
    confirmation = CASES["c2b_paybill"]["payload"] | {"TransID": "TJ95H3K8LM", "BillRefNumber": "HSP-7Q2K"}
    first = hotspot.receive("c2b", confirmation)
    hotspot.run("payments")
    assert hotspot.delivery(first)["outcome"] == "unmatched"
    assert hotspot.play("stk_success")["outcome"] == "paid"
    again = hotspot.receive("c2b", confirmation)
    hotspot.run("payments")
    assert hotspot.delivery(again)["outcome"] == "already-paid"
    assert hotspot.value("SELECT count(*) FROM hotspot.subscriptions") == 1


def test_a_second_receipt_for_a_paid_request_is_kept_for_a_person(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    payload = copy.deepcopy(CASES["stk_success"]["payload"])
    payload["Body"]["stkCallback"]["CallbackMetadata"]["Item"][1]["Value"] = "TJ95H3KZZZ"
    callback = hotspot.receive("stk", payload)
    hotspot.run("payments")
    assert hotspot.delivery(callback)["outcome"] == "unmatched"
    assert hotspot.value("SELECT count(*) FROM hotspot.subscriptions") == 1


def test_another_package_bought_meanwhile_changes_the_speed_only_when_it_begins(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    hotspot.play("c2b_paybill")
    assert hotspot.value("SELECT count(*) FROM qsup.jobs WHERE state = 'scheduled'") == 0
    dearer = CASES["c2b_paybill"]["payload"] | {"TransID": "TJ95H3L777", "TransAmount": "50.00"}
    hotspot.receive("c2b", dearer)
    hotspot.run("payments")
    assert hotspot.value("SELECT groupname FROM radius.radusergroup") == "wifi-1h"
    later = hotspot.row("SELECT type, available_at FROM qsup.jobs WHERE state = 'scheduled'")
    assert later["type"] == "ProvisionUserInMikroTikJob"
    assert later["available_at"] == hotspot.value("SELECT max(starts_at) FROM hotspot.subscriptions")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\0",
        "[]",
        "null",
        "[" * 100_000,
        '{"Body": 1}',
        '{"Body": {"stkCallback": {"CheckoutRequestID": "x\\u0000", "ResultCode": 0}}}',
        '{"Body": {"stkCallback": {"CheckoutRequestID": "ws_1", "ResultCode": true}}}',
        '{"Body": {"stkCallback": {"CheckoutRequestID": "ws_1", "ResultCode": 0, "CallbackMetadata": {"Item": [1]}}}}',
        "9" * 5000,
    ],
    ids=range(10),
)
def test_anything_that_is_not_a_callback_is_stored_and_ends_as_malformed(hotspot: Hotspot, body: bytes | str) -> None:
    callback = hotspot.receive("stk", body)
    assert [report.kind for report in hotspot.run("payments")] == ["committed"]
    assert hotspot.delivery(callback)["outcome"] == "malformed"


def test_a_callback_that_cannot_be_dispatched_is_not_stored(hotspot: Hotspot) -> None:
    hotspot.db.execute("DELETE FROM qsup.job_types WHERE name = 'ProcessPaymentJob'")
    with pytest.raises(Exception, match="ProcessPaymentJob"):
        hotspot.receive("stk", CASES["stk_success"]["payload"])
    assert hotspot.value("SELECT count(*) FROM hotspot.mpesa_inbox") == 0


def test_a_job_without_its_callback_is_discarded(hotspot: Hotspot) -> None:
    hotspot.receive("stk", {})
    hotspot.db.execute("DELETE FROM hotspot.mpesa_inbox")
    assert [report.kind for report in hotspot.run("payments")] == ["discard"]


def test_the_tables_refuse_subscriptions_that_overlap(hotspot: Hotspot) -> None:
    hotspot.play("stk_success")
    hotspot.play("c2b_paybill")
    with pytest.raises(psycopg.errors.ExclusionViolation):
        hotspot.db.execute("UPDATE hotspot.subscriptions SET starts_at = starts_at - interval '1 second'")


def test_migrating_twice_does_nothing_the_second_time(hotspot: Hotspot) -> None:
    from handlers import schema

    assert schema.migrate(hotspot.db) == []
