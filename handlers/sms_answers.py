"""What an answer of Africa's Talking means. Pure: status, headers and body in, one of six meanings out.

HTTP 201 comes even when nothing was sent; only the recipient's own status code tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RECIPIENT_CODES = {
    100: "accepted",
    101: "accepted",
    102: "accepted",
    401: "permanent",
    402: "config",
    403: "permanent",
    404: "permanent",
    405: "account",
    406: "permanent",
    407: "permanent",
    409: "permanent",
    500: "transient",
    501: "transient",
    502: "transient",
}
MESSAGES = {"InvalidSenderId": "config", "InsufficientBalance": "account", "InvalidPhoneNumber": "permanent"}
"""With no recipient in the answer, the reason stands in its Message."""

LONGEST_WAIT = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`meaning`: accepted, permanent (this number), config or account (a person must act), transient, unknown.

    `after`: seconds that the gateway asked us to wait, if it did.
    """

    meaning: str
    detail: str
    message_id: str | None = None
    after: float | None = None


def read_answer(status: int, headers: Mapping[str, str], text: str) -> Answer:
    """The meaning of an HTTP answer; never raises."""
    if status in {200, 201}:
        return _read_body(text)
    detail = f"HTTP {status}"
    if status in {429, 503}:
        return Answer(meaning="transient", detail=detail, after=_wait(headers))
    if status >= 500:
        # A proxy's 502 or 504 says nothing about whether the message was taken before.
        return Answer(meaning="unknown", detail=detail)
    return Answer(meaning="config", detail=f"{detail}: the gateway refuses the account or the request")


def _read_body(text: str) -> Answer:
    try:
        data = json.loads(text)["SMSMessageData"]
        recipients, message = data.get("Recipients") or [], str(data.get("Message", ""))
        first = recipients[0] if recipients else None
        code = int(first["statusCode"]) if first else 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Answer(meaning="unknown", detail="an answer that cannot be read")
    if first is None:
        return Answer(meaning=MESSAGES.get(message, "config"), detail=f"not sent: {message[:100]}")
    return _read_recipient(code, first)


def _read_recipient(code: int, recipient: dict[str, Any]) -> Answer:
    meaning, name = RECIPIENT_CODES.get(code, "unknown"), str(recipient.get("status", ""))[:50]
    message_id = str(recipient.get("messageId") or "")
    if meaning != "accepted":
        return Answer(meaning=meaning, detail=f"{code} {name}")
    if message_id in {"", "None"}:
        return Answer(meaning="unknown", detail=f"{code} {name} without a message id")
    return Answer(meaning="accepted", detail=f"{code} {name}", message_id=message_id[:100])


def _wait(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() else None
