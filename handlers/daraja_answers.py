"""What an answer of Safaricom's Daraja means. Pure: status and text in, meaning out; ResultDesc is never compared.

An STK query gives its ResultCode as text; while the customer still has the prompt, it is HTTP 500 with an errorCode.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from handlers.mpesa import FAILURE_CLASSES

STILL_PROCESSED = "500.001.1001"
FINAL = frozenset(FAILURE_CLASSES) - {1037}
"""Codes after which no money comes any more. 1037, no answer from the phone, and codes that nobody knows are no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`meaning`: paid, failed (with `code`), open (ask again later), later (not now), refused (our account)."""

    meaning: str
    detail: str
    code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Daraja has taken an STK push: these ids, and nothing paid yet."""

    checkout: str
    merchant: str


def read_query(status: int, text: str) -> Answer:
    """What an STK query came to; never raises."""
    data = _object(text)
    code = data.get("ResultCode")
    if status == 200 and not isinstance(code, bool) and re.fullmatch(r"[0-9]{1,9}", str(code)):
        return _result(int(str(code)))
    return _error(status, str(data.get("errorCode", ""))[:40])


def _result(code: int) -> Answer:
    if code == 0:
        return Answer(meaning="paid", detail="result 0", code=0)
    return Answer(meaning="failed" if code in FINAL else "open", detail=f"result {code}", code=code)


def _error(status: int, error: str) -> Answer:
    detail = f"HTTP {status} {error}".strip()
    if error == STILL_PROCESSED:
        return Answer(meaning="open", detail=detail)
    if status in {401, 403} or error.startswith(("401", "403", "404.001.03", "400.008")):
        return Answer(meaning="refused", detail=detail)
    # A refusal of this one request: its id may be unknown there yet.
    return Answer(meaning="open" if 400 <= status < 429 else "later", detail=detail)


def read_push(status: int, text: str) -> Accepted | Answer:
    """What an STK push came to: the ids, or why not (`refused` = certainly not sent, `later` = nobody knows)."""
    data = _object(text)
    checkout, merchant = data.get("CheckoutRequestID"), str(data.get("MerchantRequestID", ""))[:100]
    if status == 200 and str(data.get("ResponseCode")) == "0" and isinstance(checkout, str) and checkout:
        return Accepted(checkout=checkout[:100], merchant=merchant)
    detail = f"HTTP {status} {str(data.get('errorCode', ''))[:40]}".strip()
    known = "errorCode" in data or "ResponseCode" in data
    return Answer(meaning="refused" if known or 400 <= status < 500 else "later", detail=detail)


def read_token(status: int, text: str) -> str | Answer:
    """The access token, or why there is none."""
    token = _object(text).get("access_token")
    if status == 200 and isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token):
        return token
    return Answer(meaning="refused" if 400 <= status < 429 else "later", detail=f"HTTP {status} for the token")


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
