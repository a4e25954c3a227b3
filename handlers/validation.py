"""The answer to Safaricom's question, before a C2B payment is made, whether we want it: better no money than unmatched.

Only paybills with validation switched on are asked. The answer is not remembered: the payment's confirmation counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from handlers import catalogue, inbox, ledger
from handlers.mpesa import Malformed, Paid, read_callback
from handlers.phones import canonical

ACCEPTED = {"ResultCode": "0", "ResultDesc": "Accepted"}
RECEIVED = {"ResultCode": 0, "ResultDesc": "Success"}
"""What callbacks and confirmations are answered, always and at once, with HTTP 200."""

WRONG_ACCOUNT, WRONG_AMOUNT, OTHER_ERROR = "C2B00012", "C2B00013", "C2B00016"


def answer_validation(conn: psycopg.Connection[Any], payload: bytes | str | Mapping[str, Any]) -> dict[str, str]:
    """Accept what can be matched with a customer and buys something. Raises only what the database raises."""
    try:
        asked = read_callback("c2b", inbox.as_text(payload))
    except Malformed:
        return _rejected(OTHER_ERROR)
    if not isinstance(asked, Paid):
        return _rejected(OTHER_ERROR)
    request = ledger.find_reference(conn, asked.account)
    if request is not None and request.is_open:
        return ACCEPTED if asked.amount >= request.amount else _rejected(WRONG_AMOUNT)
    phone = request.phone if request is not None else canonical(asked.account)
    if phone is None or not catalogue.is_known_phone(conn, phone):
        return _rejected(WRONG_ACCOUNT)
    return ACCEPTED if catalogue.package_for(conn, asked.amount) is not None else _rejected(WRONG_AMOUNT)


def _rejected(code: str) -> dict[str, str]:
    return {"ResultCode": code, "ResultDesc": "Rejected"}
