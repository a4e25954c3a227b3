"""Safaricom Daraja callbacks, from the bytes that came to the values that matter. Pure: no database, no clock.

Fields are found by name and not by position, numbers may be text and text numbers, and a payment is never refused for
a field that is not needed to give the customer what was paid for.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

EAST_AFRICA_TIME = timezone(timedelta(hours=3))

FAILURE_CLASSES = {
    1: "declined",
    17: "retry-later",
    26: "retry-later",
    1001: "retry-later",
    1019: "expired",
    1025: "retry-later",
    1031: "cancelled",
    1032: "cancelled",
    1037: "unreachable",
    2001: "wrong-pin",
    9999: "retry-later",
}
"""By ResultCode; ResultDesc varies for the same code and is never compared."""

RECEIPT = re.compile(r"[A-Z0-9]{6,20}")
CHECKOUT = re.compile(r"[\x21-\x7e]{1,100}")
TIMESTAMP = re.compile(r"20[0-9]{12}")
LARGEST_AMOUNT = Decimal("99999999.99")


class Malformed(Exception):
    """The callback cannot be understood; it stays in the inbox for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """Money arrived: an STK success (`checkout`) or a C2B confirmation (`account` as the customer typed it)."""

    receipt: str
    amount: Decimal
    checkout: str | None = None
    account: str | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No money came for this request, so far: after `unreachable` a success may still follow."""

    checkout: str
    code: int
    failure: str


def read_callback(kind: str, body: str) -> Paid | Failed:
    """What a callback of `kind` ("stk" or "c2b") says. Raises Malformed with the reason."""
    try:
        payload = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not isinstance(payload, dict):
        raise Malformed("the body is not a JSON object")
    if kind == "stk":
        return _read_stk(payload)
    if kind == "c2b":
        return _read_c2b(payload)
    raise Malformed("neither an STK nor a C2B callback")


def _read_stk(payload: dict[str, Any]) -> Paid | Failed:
    outer = payload.get("Body")
    callback = outer.get("stkCallback") if isinstance(outer, dict) else None
    if not isinstance(callback, dict):
        raise Malformed("no Body.stkCallback")
    checkout = callback.get("CheckoutRequestID")
    if not isinstance(checkout, str) or CHECKOUT.fullmatch(checkout) is None:
        raise Malformed("no CheckoutRequestID")
    code = _result_code(callback.get("ResultCode"))
    if code != 0:
        return Failed(checkout=checkout, code=code, failure=FAILURE_CLASSES.get(code, "unknown"))
    items = _metadata(callback.get("CallbackMetadata"))
    return Paid(
        checkout=checkout,
        receipt=_receipt(items.get("MpesaReceiptNumber")),
        amount=_amount(items.get("Amount")),
        paid_at=_time(items.get("TransactionDate")),
    )


def _read_c2b(payload: dict[str, Any]) -> Paid:
    return Paid(
        receipt=_receipt(payload.get("TransID")),
        amount=_amount(payload.get("TransAmount")),
        account=_text(payload.get("BillRefNumber")),
        paid_at=_time(payload.get("TransTime")),
    )


def _result_code(value: Any) -> int:
    # An STK query answers the same code as text, a callback as a number.
    if isinstance(value, bool) or re.fullmatch(r"[0-9]{1,9}", str(value)) is None:
        raise Malformed("no ResultCode")
    return int(value)


def _metadata(metadata: Any) -> dict[str, Any]:
    items = metadata.get("Item") if isinstance(metadata, dict) else None
    if not isinstance(items, list):
        raise Malformed("a success without CallbackMetadata.Item")
    pairs = [(item.get("Name"), item.get("Value")) for item in items if isinstance(item, dict)]
    return {name: value for name, value in pairs if isinstance(name, str)}


def _receipt(value: Any) -> str:
    receipt = str(value).strip().upper() if isinstance(value, str) else ""
    if RECEIPT.fullmatch(receipt) is None:
        raise Malformed("no receipt number")
    return receipt


def _amount(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Malformed("no amount")
    try:
        amount = Decimal(value).quantize(Decimal("0.01"))
    except (InvalidOperation, ValueError):
        raise Malformed("no amount") from None
    if not amount.is_finite() or not 0 < amount <= LARGEST_AMOUNT:
        raise Malformed("an amount that cannot be")
    return amount


def _time(value: Any) -> datetime | None:
    """yyyymmddHHMMSS in East Africa Time. An odd time refuses no money: None, and the time of arrival stands for it."""
    if TIMESTAMP.fullmatch(str(value)) is None:
        return None
    try:
        return datetime.strptime(str(value), "%Y%m%d%H%M%S").replace(tzinfo=EAST_AFRICA_TIME)
    except ValueError:
        return None


def _text(value: Any) -> str:
    """What a customer typed, without what PostgreSQL's text cannot hold (NUL, lone surrogates)."""
    return "".join(char for char in value if char.isprintable()).strip()[:100] if isinstance(value, str) else ""
