"""Kenyan mobile numbers in the one form that the database, RADIUS and the router know: 2547… or 2541…, no plus.

FreeRADIUS escapes a plus sign in a user name (`+254…` is looked up as `=2B254…` and never found: tried), so a number
with a plus is never stored.
"""

from __future__ import annotations

import re

CANONICAL = re.compile(r"254[17][0-9]{8}")
AS_TYPED = re.compile(r"(?:\+?254|0)?([17][0-9]{8})")
PUNCTUATION = re.compile(r"[\s().-]+")


def canonical(number: object) -> str | None:
    """`number` (text, or an int as Daraja sends it) as 254XXXXXXXXX; None: not a whole Kenyan mobile number."""
    if isinstance(number, bool) or not isinstance(number, str | int):
        return None
    if isinstance(number, int) and not 0 <= number < 10**15:
        # Python refuses to write numbers of more than 4300 digits out.
        return None
    match = AS_TYPED.fullmatch(PUNCTUATION.sub("", str(number)))
    return f"254{match[1]}" if match else None


def international(phone: str) -> str:
    """A canonical number as the SMS gateway wants it, with a plus sign. Raises ValueError for any other form."""
    if CANONICAL.fullmatch(phone) is None:
        raise ValueError("not a canonical phone number")
    return f"+{phone}"


def masked(phone: str) -> str:
    """A number for logs: 2547*****678."""
    return f"{phone[:4]}*****{phone[-3:]}" if len(phone) >= 10 else "*****"
