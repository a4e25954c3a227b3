"""Reading callbacks and phone numbers: text in, values out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from handlers.admission import radius_time
from handlers.customers import new_password
from handlers.mpesa import Failed, Malformed, Paid, read_callback
from handlers.phones import canonical, international, masked
from tests.handlers.hotspot import CASES


def stk(**changes: Any) -> str:
    items = {"Amount": 20.0, "MpesaReceiptNumber": "TJ95H3K8LM", "TransactionDate": 20251009054517} | changes
    metadata = {"Item": [{"Name": name, "Value": value} for name, value in reversed(items.items())]}
    return json.dumps(
        {"Body": {"stkCallback": {"CheckoutRequestID": "ws_1", "ResultCode": "0", "CallbackMetadata": metadata}}}
    )


def test_a_success_is_read_by_name_whatever_the_order_and_the_kind_of_number() -> None:
    for amount in (20, 20.0, "20", "20.00"):
        paid = read_callback("stk", stk(Amount=amount))
        assert isinstance(paid, Paid)
        assert paid.amount == Decimal("20.00")
        assert paid.paid_at == datetime(2025, 10, 9, 2, 45, 17, tzinfo=UTC)


@pytest.mark.parametrize("amount", [None, True, 0, -1, "", "NaN", "Infinity", "1e400", [], 10**12, float("nan")])
def test_an_amount_that_cannot_be_is_malformed(amount: Any) -> None:
    with pytest.raises(Malformed, match="amount"):
        read_callback("stk", stk(Amount=amount))


@pytest.mark.parametrize("moment", [None, "", "yesterday", 20251309054517, "2025100905451", [], 10**40])
def test_an_odd_time_refuses_no_money(moment: Any) -> None:
    paid = read_callback("stk", stk(TransactionDate=moment))
    assert isinstance(paid, Paid)
    assert paid.paid_at is None


@pytest.mark.parametrize("receipt", [None, "", "a b", "x\0", 5, "é" * 10])
def test_money_without_a_receipt_is_malformed(receipt: Any) -> None:
    with pytest.raises(Malformed, match="receipt"):
        read_callback("stk", stk(MpesaReceiptNumber=receipt))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "class" in case["expect"]])
def test_a_failure_has_the_class_of_its_code(name: str) -> None:
    failed = read_callback("stk", json.dumps(CASES[name]["payload"]))
    assert isinstance(failed, Failed)
    assert failed.failure == CASES[name]["expect"]["class"]


def test_a_code_that_nobody_has_seen_is_unknown_and_not_money() -> None:
    body = json.dumps({"Body": {"stkCallback": {"CheckoutRequestID": "ws_1", "ResultCode": 4242}}})
    assert read_callback("stk", body) == Failed(checkout="ws_1", code=4242, failure="unknown")


def test_what_a_customer_typed_as_account_loses_what_a_database_cannot_hold() -> None:
    body = json.dumps(CASES["c2b_paybill"]["payload"] | {"BillRefNumber": " 0712\0 345\ud800678 "})
    paid = read_callback("c2b", body)
    assert isinstance(paid, Paid)
    assert canonical(paid.account) == "254712345678"


@pytest.mark.parametrize(
    "typed",
    ["0712345678", "712345678", "254712345678", "+254712345678", "+254 712 345-678", "(0712) 345.678", 254712345678],
)
def test_a_number_has_one_form(typed: object) -> None:
    assert canonical(typed) == "254712345678"


def test_numbers_that_begin_with_01_are_numbers_too() -> None:
    assert canonical("0110345678") == canonical(254110345678) == "254110345678"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "2547*****678",
        "jane wifi",
        "07123456789",
        "0812345678",
        "255712345678",
        "07\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
        None,
        True,
    ],
)
def test_what_is_no_whole_kenyan_number_is_none(typed: object) -> None:
    assert canonical(typed) is None


def test_the_gateway_gets_a_plus_and_the_logs_get_stars() -> None:
    assert international("254712345678") == "+254712345678"
    assert masked("254712345678") == "2547*****678"
    with pytest.raises(ValueError, match="canonical"):
        international("0712345678")


def test_a_password_begins_with_a_letter_and_holds_no_look_alikes() -> None:
    passwords = {new_password() for _ in range(200)}
    assert len(passwords) == 200
    assert all(password[0].isalpha() and not set(password) & set("01loi") for password in passwords)


def test_an_expiration_is_written_for_freeradius_in_utc() -> None:
    assert radius_time(datetime.fromisoformat("2026-11-23T15:00:00+03:00")) == "Nov 23 2026 12:00:00"
