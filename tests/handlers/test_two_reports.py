"""One payment, several reports of it: STK callback, C2B confirmation, forgeries. Whose money it is, and how much."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from handlers.sandbox.daraja import PENDING, DarajaSandbox
from tests.handlers.hotspot import CASES, Hotspot

CHECKOUT = "ws_CO_091020250545018712345678"
RECEIPT = "TJ95H3K8LM"
PHONE = "254712345678"
REFERENCE = "HSP-7Q2K"

Tables = dict[str, list[dict[str, Any]]]


def stk(**values: Any) -> dict[str, Any]:
    """The success of CHECKOUT with other values in its metadata."""
    payload: dict[str, Any] = copy.deepcopy(CASES["stk_success"]["payload"])
    for item in payload["Body"]["stkCallback"]["CallbackMetadata"]["Item"]:
        if item["Name"] in values:
            item["Value"] = values[item["Name"]]
    return payload


def c2b(**values: str) -> dict[str, Any]:
    """The C2B confirmation of the same payment."""
    return dict(CASES["c2b_paybill"]["payload"]) | {"TransID": RECEIPT, "TransTime": "20251009054517"} | values


def with_reference(hotspot: Hotspot) -> None:
    hotspot.db.execute("UPDATE hotspot.stk_requests SET reference = %s WHERE checkout_request_id = %s",
                       [REFERENCE, CHECKOUT])  # fmt: skip


def receive(hotspot: Hotspot, *reports: dict[str, Any], one_by_one: bool = True) -> list[str]:
    """They arrive in this order; their outcomes."""
    numbers = []
    for report in reports:
        numbers.append(hotspot.receive("stk" if "Body" in report else "c2b", report))
        if one_by_one:
            hotspot.run("payments")
    if not one_by_one:
        hotspot.run_at_once("payments", threads=8)
    return [hotspot.delivery(number)["outcome"] for number in numbers]


ACCOUNTS = {"our reference": REFERENCE, "typed in another way": " hsp-7q2k ", "a phone": "0712 345 678", "nothing": ""}


@pytest.mark.parametrize("account", ACCOUNTS.values(), ids=ACCOUNTS.keys())
def test_stk_and_c2b_of_one_receipt_are_one_payment_in_every_order_and_at_once(hotspot: Hotspot, account: str) -> None:
    seen: list[Tables] = []
    orders = [list(order) for order in permutations([stk(), c2b(BillRefNumber=account)])]
    for reports in (*orders, orders[0] * 4):
        hotspot.start_anew()
        with_reference(hotspot)
        receive(hotspot, *reports, one_by_one=reports in orders)
        if reports not in orders:
            # A till's confirmation that came first was kept as unmatched; it is looked at again when it is repeated.
            receive(hotspot, *reports)
        seen.append(hotspot.comes_to())
    paid = [row for row in seen[0]["payments"] if row["receipt"] == RECEIPT]
    assert [(row["state"], row["checkout_request_id"], row["code"]) for row in paid] == [
        ("applied", CHECKOUT, "wifi-1h")
    ]
    assert seen[0]["sums"] == [{"phone": PHONE, "count": 1, "time": timedelta(hours=1), "messages": 1}]
    assert all(tables == seen[0] for tables in seen)


def test_a_c2b_confirmation_with_our_reference_pays_the_request_whatever_package_the_price_would_mean(
    hotspot: Hotspot,
) -> None:
    with_reference(hotspot)
    hotspot.db.execute(
        "UPDATE hotspot.stk_requests SET package_id = (SELECT id FROM hotspot.packages WHERE code = 'wifi-1d')"
        " WHERE reference = %s",
        [REFERENCE],
    )
    assert receive(hotspot, c2b(BillRefNumber=REFERENCE, MSISDN="2547*****999")) == ["paid"]
    assert hotspot.comes_to()["sums"] == [{"phone": PHONE, "count": 1, "time": timedelta(days=1), "messages": 1}]


def test_a_paid_request_s_reference_that_is_typed_again_with_new_money_buys_again(hotspot: Hotspot) -> None:
    with_reference(hotspot)
    again = c2b(BillRefNumber=REFERENCE, TransID="TJ95H3K9ZZ")
    assert receive(hotspot, stk(), again) == ["paid", "paid"]
    assert hotspot.comes_to()["sums"][0]["time"] == timedelta(hours=2)


MSISDNS = ["254712345678", "2547*****678", hashlib.sha256(b"254712345678").hexdigest(), "", "254799999999"]


@pytest.mark.parametrize("msisdn", MSISDNS)
def test_a_masked_or_hashed_number_changes_nothing_because_it_is_not_looked_at(hotspot: Hotspot, msisdn: str) -> None:
    assert receive(hotspot, c2b(BillRefNumber=PHONE, MSISDN=msisdn)) == ["paid"]
    assert receive(hotspot, stk(PhoneNumber=msisdn, MpesaReceiptNumber="TJ95H3K9ZZ")) == ["paid"]
    assert [row["phone"] for row in hotspot.comes_to()["users"]] == [PHONE]


def test_phone_package_and_router_are_those_of_our_request(hotspot: Hotspot) -> None:
    router = hotspot.value("INSERT INTO hotspot.routers (address, name) VALUES ('10.0.0.1', 'r1') RETURNING id")
    hotspot.db.execute("UPDATE hotspot.stk_requests SET router_id = %s WHERE checkout_request_id = %s",
                       [router, CHECKOUT])  # fmt: skip
    assert receive(hotspot, stk(Amount=9999, PhoneNumber=254799999999)) == ["paid"]
    bought = hotspot.row(
        "SELECT u.phone, s.router_id, s.ends_at - s.starts_at AS time FROM hotspot.subscriptions s"
        " JOIN hotspot.users u ON u.id = s.user_id"
    )
    assert bought == {"phone": PHONE, "router_id": router, "time": timedelta(hours=1)}
    assert receive(hotspot, c2b(BillRefNumber=PHONE, TransID="TJ95H3K9ZZ")) == ["paid"]
    assert hotspot.value("SELECT count(*) FROM hotspot.subscriptions WHERE router_id = %s", router) == 2


@pytest.mark.parametrize("amount", [20, 20.0, "20", "20.00", 20.004])
def test_amounts_are_compared_as_decimals(hotspot: Hotspot, amount: object) -> None:
    hotspot.db.execute("UPDATE hotspot.stk_requests SET amount = 20.00")
    assert receive(hotspot, stk(Amount=amount)) == ["paid"]
    assert hotspot.value("SELECT amount FROM hotspot.payments") == Decimal("20.00")


@pytest.mark.parametrize("amount", [19.99, "0.01", 19])
def test_a_cent_too_little_is_too_little(hotspot: Hotspot, amount: object) -> None:
    assert receive(hotspot, stk(Amount=amount)) == ["underpaid"]
    assert hotspot.comes_to()["sums"] == []


def test_times_are_east_africa_time_in_both_reports(hotspot: Hotspot) -> None:
    receive(hotspot, c2b(BillRefNumber=PHONE, TransTime="20260101020304"))
    assert hotspot.value("SELECT paid_at FROM hotspot.payments") == datetime(2025, 12, 31, 23, 3, 4, tzinfo=UTC)


def test_money_that_was_claimed_with_a_wrong_amount_before_has_the_right_one_when_it_is_applied(
    hotspot: Hotspot,
) -> None:
    forged = c2b(BillRefNumber="nobody", TransAmount="1.00")
    assert receive(hotspot, forged, stk()) == ["unmatched", "paid"]
    assert hotspot.value("SELECT amount FROM hotspot.payments") == Decimal("20.00")


def test_a_receipt_of_somebody_else_leaves_the_request_open_for_its_own_money(hotspot: Hotspot) -> None:
    other = c2b(BillRefNumber="254722000111", TransID="TJ95H3FFFF")
    assert receive(hotspot, other, stk(MpesaReceiptNumber="TJ95H3FFFF")) == ["paid", "already-paid"]
    request = "SELECT state FROM hotspot.stk_requests WHERE checkout_request_id = %s"
    assert hotspot.value(request, CHECKOUT) == "pending"
    assert receive(hotspot, stk()) == ["paid"]


def test_a_final_failure_is_not_replaced_and_money_wins_over_all_of_them(hotspot: Hotspot) -> None:
    def failure(code: int) -> dict[str, Any]:
        return {"Body": {"stkCallback": {"CheckoutRequestID": CHECKOUT, "ResultCode": code, "ResultDesc": "x"}}}

    state = "SELECT failure FROM hotspot.stk_requests WHERE checkout_request_id = %s"
    for code, reason in [(1037, "unreachable"), (1032, "cancelled"), (1037, "cancelled"), (1, "cancelled")]:
        assert receive(hotspot, failure(code)) == ["failed"]
        assert hotspot.value(state, CHECKOUT) == reason
    assert receive(hotspot, stk(), failure(1)) == ["paid", "already-paid"]
    assert hotspot.value(state, CHECKOUT) is None


RAW: dict[str, Callable[[], bytes | str]] = {
    "huge": lambda: json.dumps({"Body": "x" * 5_000_000}),
    "not UTF-8": lambda: b'{"Body": "\xff\xfe\x80"}',
    "NUL": lambda: '{"Body": "\0"}',
    "half a surrogate": lambda: '{"Body": "\ud800"}',
    "a number of a million digits": lambda: "9" * 1_000_000,
    "JSON in JSON in JSON": lambda: '{"Body": {"stkCallback": ' * 3000,
    "HTML": lambda: "<html>502 Bad Gateway</html>",
}


@pytest.mark.parametrize("make", RAW.values(), ids=RAW.keys())
def test_whatever_comes_is_stored_before_anything_is_made_of_it(
    hotspot: Hotspot, make: Callable[[], bytes | str]
) -> None:
    body = make()
    number = hotspot.receive("stk", body)
    stored = hotspot.value("SELECT body FROM hotspot.mpesa_inbox WHERE id = %s", number)
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "backslashreplace")
    assert stored == raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    hotspot.run("payments")
    assert hotspot.delivery(number)["outcome"] == "malformed"


def test_with_confirmation_a_forged_success_is_kept_and_not_applied(
    hotspot: Hotspot, daraja: DarajaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPESA_CONFIRM", "1")
    daraja.order(CHECKOUT, "1032")
    assert receive(hotspot, stk(MpesaReceiptNumber="FORGED0001")) == ["unmatched"]
    assert hotspot.comes_to()["sums"] == []
    daraja.order(CHECKOUT, "0")
    assert receive(hotspot, stk()) == ["paid"]
    assert receive(hotspot, stk()) == ["already-paid"]
    assert daraja.queries == [CHECKOUT, CHECKOUT], "what is settled is asked again"


@pytest.mark.parametrize("answer", [PENDING, "busy", "1037", "4999"])
def test_with_confirmation_nothing_is_applied_or_dropped_while_daraja_has_no_answer(
    hotspot: Hotspot, daraja: DarajaSandbox, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setenv("MPESA_CONFIRM", "1")
    daraja.order(CHECKOUT, answer)
    number = hotspot.receive("stk", stk())
    assert [report.kind for report in hotspot.run("payments")] == ["retry"] * 3
    assert hotspot.delivery(number)["outcome"] is None
    assert hotspot.comes_to()["sums"] == []
