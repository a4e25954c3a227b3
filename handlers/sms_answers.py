"""What an answer of an SMS gateway means. Pure: status, headers and body in, one of six meanings out.

Africa's Talking answers HTTP 201 even when nothing was sent; only the recipient's own status code tells. The other
shape (SMSLeopard's) has a word there instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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
MESSAGES = {
    "InvalidSenderId": "config",
    "InsufficientBalance": "account",
    "InvalidPhoneNumber": "permanent",
    "UnsupportedNumberType": "permanent",
    "UserInBlacklist": "permanent",
    "CouldNotRoute": "permanent",
    "DoNotDisturbRejection": "permanent",
    "RiskHold": "permanent",
}
"""With no recipient in the answer, the reason stands in its Message."""

LEOPARD_WORDS = {
    "queued": "accepted",
    "sent": "accepted",
    "success": "accepted",
    "invalid_phone": "permanent",
    "blacklisted": "permanent",
    "insufficient_balance": "account",
    "invalid_source": "config",
}

LONGEST_WAIT = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`meaning`: accepted, permanent (this number), config or account (a person must act), transient, unknown.

    `after`: seconds that the gateway asked us to wait, if it did. `everybody`: no other message would go out either.
    """

    meaning: str
    detail: str
    message_id: str | None = None
    after: float | None = None
    everybody: bool = False


def read_answer(
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    shape: str = "africastalking",
    now: datetime | None = None,
) -> Answer:
    """The meaning of an HTTP answer; never raises. `now` is what a Retry-After with a date is counted from."""
    if status in {200, 201}:
        return _read_body(text) if shape == "africastalking" else _read_leopard(text)
    detail = f"HTTP {status}"
    if status in {429, 503}:
        return Answer(meaning="transient", detail=detail, after=_wait(headers, now))
    if status >= 500:
        # A proxy's 502 or 504 says nothing about whether the message was taken before.
        return Answer(meaning="unknown", detail=detail)
    if status in {401, 402, 403}:
        return Answer(meaning="config", detail=f"{detail}: the gateway refuses the account", everybody=True)
    return Answer(meaning="config", detail=f"{detail}: the gateway refuses the request")


def _read_body(text: str) -> Answer:
    try:
        data = json.loads(text)["SMSMessageData"]
        recipients, message = data.get("Recipients") or [], str(data.get("Message", ""))
        first = recipients[0] if recipients else None
        code = int(first["statusCode"]) if first else 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Answer(meaning="unknown", detail="an answer that cannot be read")
    if first is None:
        known = MESSAGES.get(message)
        everybody = known in {"config", "account"}
        return Answer(meaning=known or "config", detail=f"not sent: {_shown(message)}", everybody=everybody)
    meaning, name = RECIPIENT_CODES.get(code, "unknown"), _shown(str(first.get("status", "")))
    return _for_recipient(meaning, f"{code} {name}", first.get("messageId"))


def _read_leopard(text: str) -> Answer:
    try:
        data = json.loads(text)
        recipients, message = data.get("recipients") or [], str(data.get("message", ""))
        first = recipients[0] if recipients else None
        word = str(first["status"]).lower() if first else ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Answer(meaning="unknown", detail="an answer that cannot be read")
    if first is None:
        return Answer(meaning="config", detail=f"not sent: {_shown(message)}")
    return _for_recipient(LEOPARD_WORDS.get(word, "unknown"), _shown(word), first.get("id"))


def _for_recipient(meaning: str, detail: str, number: Any) -> Answer:
    message_id = str(number or "")
    if meaning != "accepted":
        return Answer(meaning=meaning, detail=detail, everybody=meaning in {"config", "account"})
    if message_id in {"", "None"}:
        return Answer(meaning="unknown", detail=f"{detail} without a message id")
    return Answer(meaning="accepted", detail=detail, message_id=_shown(message_id))


def _shown(text: str) -> str:
    """What a database and a log line can hold of somebody else's words."""
    return "".join(char for char in text if char.isprintable())[:100]


def _wait(headers: Mapping[str, str], now: datetime | None) -> float | None:
    """Retry-After in seconds, or as a date; anything else says nothing."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - (now or datetime.now(UTC))).total_seconds()), LONGEST_WAIT)
