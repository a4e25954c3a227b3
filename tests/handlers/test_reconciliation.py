"""Requests whose callback never comes: Daraja is asked, and the money is applied once whatever comes after that."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import psycopg
import pytest

from handlers import intake
from handlers.daraja import Daraja
from handlers.daraja_answers import Accepted, read_push, read_query
from handlers.requests import NotAsked, request_payment
from handlers.sandbox.daraja import HANG, DarajaSandbox
from handlers.settings import SettingMissing, daraja_settings
from qsup.outcome import Report
from tests.conftest import Eventually
from tests.handlers.hotspot import CALLBACKS, Hotspot
from tests.handlers.test_two_reports import CHECKOUT, PHONE, RECEIPT, REFERENCE, c2b, stk, with_reference


def only(hotspot: Hotspot, *, reference: bool = True) -> None:
    """No request but CHECKOUT, made three minutes ago."""
    hotspot.db.execute("DELETE FROM hotspot.stk_requests WHERE checkout_request_id <> %s", [CHECKOUT])
    later(hotspot, "3 minutes")
    if reference:
        with_reference(hotspot)


def later(hotspot: Hotspot, span: str) -> None:
    """That much time passes for the requests."""
    hotspot.db.execute(
        "UPDATE hotspot.stk_requests"
        " SET created_at = created_at - %(span)s::interval, ask_at = ask_at - %(span)s::interval",
        {"span": span},
    )


def ask(hotspot: Hotspot) -> list[Report]:
    """The job runs."""
    hotspot.db.execute("SELECT qsup.dispatch('ReconcilePaymentsJob', '{}')")
    return hotspot.run("payments")


def request(hotspot: Hotspot) -> dict[str, Any]:
    return hotspot.row("SELECT state, failure, asked FROM hotspot.stk_requests")


def bought(hotspot: Hotspot) -> list[tuple[str | None, timedelta]]:
    """What was applied: receipts and times."""
    rows = hotspot.rows(
        "SELECT p.receipt, s.ends_at - s.starts_at AS time FROM hotspot.subscriptions s"
        " JOIN hotspot.payments p ON p.id = s.payment_id ORDER BY s.id"
    )
    return [(row["receipt"], row["time"]) for row in rows]


def test_a_request_is_asked_for_only_after_two_minutes(hotspot: Hotspot, daraja: DarajaSandbox) -> None:
    assert [report.kind for report in ask(hotspot)] == ["done"]
    assert daraja.queries == []
    later(hotspot, "2 minutes")
    ask(hotspot)
    assert sorted(daraja.queries) == sorted(one["checkout_request_id"] for one in CALLBACKS["known_requests"])


def test_money_without_a_receipt_is_applied_once_and_gets_its_receipt_when_the_callback_comes(
    hotspot: Hotspot, daraja: DarajaSandbox
) -> None:
    only(hotspot)
    daraja.order(CHECKOUT, "0")
    ask(hotspot)
    assert bought(hotspot) == [(None, timedelta(hours=1))]
    assert request(hotspot)["state"] == "paid"
    later(hotspot, "1 hour")
    ask(hotspot)
    assert len(daraja.queries) == 1, "what is paid is asked for no more"
    number = hotspot.receive("stk", stk())
    hotspot.run("payments")
    assert hotspot.delivery(number)["outcome"] == "already-paid"
    assert bought(hotspot) == [(RECEIPT, timedelta(hours=1))]
    assert hotspot.delivery(number)["receipt"] == RECEIPT


REPORTS = {"query": None, "callback": stk(), "confirmation": c2b(BillRefNumber=REFERENCE)}


@pytest.mark.parametrize("order", list(permutations(REPORTS)), ids="-".join)
def test_query_callback_and_confirmation_in_every_order_are_one_payment(
    hotspot: Hotspot, daraja: DarajaSandbox, order: tuple[str, ...]
) -> None:
    only(hotspot)
    daraja.order(CHECKOUT, "0")
    for name in order:
        report = REPORTS[name]
        if report is None:
            ask(hotspot)
        else:
            hotspot.receive("stk" if "Body" in report else "c2b", report)
            hotspot.run("payments")
    assert bought(hotspot) == [(RECEIPT, timedelta(hours=1))]
    payment = hotspot.row("SELECT checkout_request_id, account, paid_at::text FROM hotspot.payments")
    assert (payment["checkout_request_id"], payment["account"]) == (CHECKOUT, REFERENCE)
    assert payment["paid_at"].startswith("2025-10-09")


@pytest.mark.parametrize("reference", [True, False])
def test_all_three_at_once_by_many_workers_are_one_payment(
    hotspot: Hotspot, daraja: DarajaSandbox, reference: bool
) -> None:
    only(hotspot, reference=reference)
    daraja.order(CHECKOUT, "0")
    for _ in range(4):
        hotspot.db.execute("SELECT qsup.dispatch('ReconcilePaymentsJob', '{}')")
        hotspot.receive("stk", stk())
        hotspot.receive("c2b", c2b(BillRefNumber=REFERENCE if reference else PHONE))
    hotspot.run_at_once("payments", threads=12)
    assert bought(hotspot) == [(RECEIPT, timedelta(hours=1))]


@pytest.mark.parametrize("query_first", [True, False])
def test_query_and_confirmation_of_a_request_without_a_reference_wait_for_each_other(
    hotspot: Hotspot, daraja: DarajaSandbox, eventually: Eventually, query_first: bool
) -> None:
    only(hotspot, reference=False)
    daraja.order(CHECKOUT, "0")
    turns = [lambda: ask(hotspot), lambda: pay_by_hand(hotspot)]
    with psycopg.connect(hotspot.dsn) as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("LOCK TABLE hotspot.sms_outbox IN EXCLUSIVE MODE")
        first, second = turns if query_first else turns[::-1]
        pool.submit(first)
        eventually(lambda: hotspot.waiting_backends() == 1, what="the first waits")
        pool.submit(second)
        eventually(lambda: hotspot.waiting_backends() == 2, what="the second waits")
        holder.rollback()
    assert bought(hotspot) == [(RECEIPT, timedelta(hours=1))]


def pay_by_hand(hotspot: Hotspot) -> list[Report]:
    """On connections of its own: another is at work on the test's."""
    with psycopg.connect(hotspot.dsn, autocommit=True) as conn:
        intake.receive_callback(conn, "c2b", c2b(BillRefNumber=PHONE))
    return hotspot.run("payments")


@pytest.mark.parametrize("query_first", [True, False])
def test_a_request_without_a_reference_is_matched_with_a_confirmation_by_phone_and_amount(
    hotspot: Hotspot, daraja: DarajaSandbox, query_first: bool
) -> None:
    only(hotspot, reference=False)
    daraja.order(CHECKOUT, "0")
    if query_first:
        ask(hotspot)
    hotspot.receive("c2b", c2b(BillRefNumber=PHONE))
    hotspot.run("payments")
    ask(hotspot)
    assert bought(hotspot) == [(RECEIPT, timedelta(hours=1))]
    assert hotspot.value("SELECT checkout_request_id FROM hotspot.payments") == CHECKOUT


def test_a_till_s_confirmation_that_was_unmatched_joins_the_payment_when_the_callback_comes(
    hotspot: Hotspot, daraja: DarajaSandbox
) -> None:
    only(hotspot)
    daraja.order(CHECKOUT, "0")
    till = hotspot.receive("c2b", c2b(BillRefNumber=""))
    hotspot.run("payments")
    ask(hotspot)
    hotspot.receive("stk", stk())
    hotspot.run("payments")
    assert bought(hotspot) == [(RECEIPT, timedelta(hours=1))]
    assert hotspot.value("SELECT count(*) FROM hotspot.payments") == 1
    assert hotspot.delivery(till)["receipt"] == RECEIPT


def test_a_customer_who_is_asked_by_us_pays_another_time_by_hand_and_gets_both(
    hotspot: Hotspot, daraja: DarajaSandbox
) -> None:
    only(hotspot)
    daraja.order(CHECKOUT, "0")
    ask(hotspot)
    hotspot.receive("c2b", c2b(BillRefNumber=PHONE, TransID="TJ95H3K9ZZ"))
    hotspot.run("payments")
    assert sorted(bought(hotspot), key=str) == [("TJ95H3K9ZZ", timedelta(hours=1)), (None, timedelta(hours=1))]


def test_what_is_still_processed_is_asked_again_at_growing_distances(hotspot: Hotspot, daraja: DarajaSandbox) -> None:
    only(hotspot)
    waits = []
    for number in range(1, 8):
        assert [report.kind for report in ask(hotspot)] == ["done"]
        assert request(hotspot) == {"state": "pending", "failure": None, "asked": number}
        waits.append(hotspot.value("SELECT (ask_at - clock_timestamp())::text FROM hotspot.stk_requests")[:5])
        ask(hotspot)
        assert len(daraja.queries) == number, "it is asked for before its time"
        hotspot.db.execute("UPDATE hotspot.stk_requests SET ask_at = now()")
    assert waits == ["00:01", "00:03", "00:07", "00:15", "00:31", "00:59", "00:59"]
    later(hotspot, "1 day")
    ask(hotspot)
    assert len(daraja.queries) == 7, "after a day nobody is asked"


def test_each_look_has_the_next_one_dispatched_with_it(hotspot: Hotspot, daraja: DarajaSandbox) -> None:
    only(hotspot)
    ask(hotspot)
    next_job = hotspot.row("SELECT available_at FROM qsup.jobs WHERE type = 'ReconcilePaymentsJob'")
    assert next_job["available_at"] == hotspot.value("SELECT ask_at FROM hotspot.stk_requests")
    assert daraja.queries == [CHECKOUT]


def test_no_answer_from_the_phone_is_no_end(hotspot: Hotspot, daraja: DarajaSandbox) -> None:
    only(hotspot)
    daraja.order(CHECKOUT, "1037")
    ask(hotspot)
    assert request(hotspot) == {"state": "failed", "failure": "unreachable", "asked": 1}
    daraja.order(CHECKOUT, "0")
    later(hotspot, "10 minutes")
    ask(hotspot)
    assert request(hotspot)["state"] == "paid"


@pytest.mark.parametrize("code", ["4999", "7"])
def test_a_code_that_nobody_knows_is_no_end(hotspot: Hotspot, daraja: DarajaSandbox, code: str) -> None:
    only(hotspot)
    daraja.order(CHECKOUT, code)
    ask(hotspot)
    assert request(hotspot) == {"state": "pending", "failure": None, "asked": 1}


@pytest.mark.parametrize(("code", "failure"), [("1", "declined"), ("1032", "cancelled"), ("2001", "wrong-pin")])
def test_a_failure_ends_the_asking(hotspot: Hotspot, daraja: DarajaSandbox, code: str, failure: str) -> None:
    only(hotspot)
    daraja.order(CHECKOUT, code)
    ask(hotspot)
    later(hotspot, "10 minutes")
    ask(hotspot)
    assert request(hotspot) == {"state": "failed", "failure": failure, "asked": 1}


@pytest.mark.parametrize("trouble", ["busy", HANG])
def test_a_daraja_in_trouble_is_left_alone_until_the_next_look(
    hotspot: Hotspot, daraja: DarajaSandbox, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setenv("MPESA_TIMEOUT", "0.3")
    later(hotspot, "3 minutes")
    for known in CALLBACKS["known_requests"]:
        daraja.order(known["checkout_request_id"], trouble)
    assert [report.kind for report in ask(hotspot)] == ["done"]
    assert len(daraja.queries) == 1
    assert hotspot.value("SELECT count(*) FROM hotspot.stk_requests WHERE state = 'pending'") == 20


def test_keys_that_daraja_refuses_fail_the_job_at_once_and_are_not_shown(
    hotspot: Hotspot, daraja: DarajaSandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    only(hotspot)
    monkeypatch.setenv("MPESA_CONSUMER_SECRET", "wr0ng-secret")
    report = ask(hotspot)[0]
    assert report.kind == "discard"
    assert "MPESA_CONSUMER_KEY" in report.reason
    for secret in ("wr0ng-secret", daraja.key, daraja.passkey):
        assert secret not in repr(report) + caplog.text
    assert request(hotspot)["state"] == "pending"


def test_a_token_that_daraja_has_forgotten_is_fetched_anew(hotspot: Hotspot, daraja: DarajaSandbox) -> None:
    daraja.order(CHECKOUT, "0")
    with Daraja(daraja_settings()) as conversation:
        assert conversation.query(CHECKOUT).meaning == "paid"
        daraja.tokens.clear()
        assert conversation.query(CHECKOUT).meaning == "paid"
    assert hotspot.comes_to()["sums"] == []


def test_a_missing_setting_is_named(hotspot: Hotspot, daraja: DarajaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPESA_PASSKEY")
    assert "MPESA_PASSKEY is not set" in ask(hotspot)[0].reason
    assert daraja.queries == []


def test_a_pushed_request_is_stored_with_our_values_and_the_customer_is_asked(
    hotspot: Hotspot, daraja: DarajaSandbox
) -> None:
    router = hotspot.value("INSERT INTO hotspot.routers (address) VALUES ('10.0.0.1') RETURNING id")
    checkout = request_payment(hotspot.db, phone="0110 345 678", package="wifi-1d", router_id=router)
    row = hotspot.row("SELECT * FROM hotspot.stk_requests WHERE checkout_request_id = %s", checkout)
    assert (row["phone"], str(row["amount"]), row["state"], row["router_id"]) == (
        "254110345678", "50.00", "pending", router
    )  # fmt: skip
    form = daraja.pushes[0].form
    assert (form["PhoneNumber"], form["Amount"], form["AccountReference"]) == ("254110345678", 50, row["reference"])
    first_look = hotspot.value("SELECT available_at FROM qsup.jobs WHERE type = 'ReconcilePaymentsJob'")
    assert timedelta(0) < first_look - row["ask_at"] < timedelta(seconds=30)


def test_money_that_comes_for_a_push_whose_answer_was_lost_finds_its_request(
    hotspot: Hotspot, daraja: DarajaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPESA_TIMEOUT", "0.3")
    daraja.order("push", HANG)
    with pytest.raises(NotAsked, match="no answer"):
        request_payment(hotspot.db, phone=PHONE, package="wifi-1h")
    reference = daraja.pushes[0].form["AccountReference"]
    row = hotspot.row("SELECT state FROM hotspot.stk_requests WHERE reference = %s", reference)
    assert row["state"] == "sending"
    hotspot.receive("c2b", c2b(BillRefNumber=reference))
    hotspot.run("payments")
    assert bought(hotspot) == [(RECEIPT, timedelta(hours=1))]


def test_a_push_that_is_refused_has_failed(hotspot: Hotspot, daraja: DarajaSandbox) -> None:
    daraja.refuses_pushes = True
    with pytest.raises(NotAsked, match="did not take"):
        request_payment(hotspot.db, phone=PHONE, package="wifi-1h")
    assert hotspot.rows("SELECT state, failure FROM hotspot.stk_requests WHERE reference IS NOT NULL") == [
        {"state": "failed", "failure": "refused"}
    ]
    for phone, package in [("0812345678", "wifi-1h"), (PHONE, "nothing")]:
        with pytest.raises(NotAsked):
            request_payment(hotspot.db, phone=phone, package=package)


@pytest.mark.parametrize("url", ["http://example.net/x", "https://example.net/mpesa/x", "https://safaricom.example/x"])
def test_a_callback_address_that_daraja_would_not_call_is_refused(daraja: DarajaSandbox, url: str) -> None:
    with pytest.raises(SettingMissing, match="MPESA_CALLBACK_URL"):
        daraja_settings(daraja.environment | {"MPESA_CALLBACK_URL": url})


@pytest.mark.parametrize("text", ["", "[]", "{}", "<html>", "[" * 50_000, '{"ResultCode": true}', '{"ResultCode": -1}'])
def test_an_answer_that_cannot_be_read_is_neither_money_nor_failure(text: str) -> None:
    for status in (200, 302, 400, 404, 429, 500, 502):
        assert read_query(status, text).meaning in {"open", "later"}
        assert not isinstance(read_push(status, text), Accepted)
