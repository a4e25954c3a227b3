"""What must not stand in a report, taken out of the whole of it: phone numbers, and every secret that we know.

Failed jobs carry messages of other people's code. Whatever those quote, the report does not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from handlers.phones import masked

PHONE = re.compile(r"(?<![0-9])(\+?254[17][0-9]{8}|0[17][0-9]{8})(?![0-9])")
IN_URL = re.compile(r"(?<=://)([^\s/@:]*):[^\s@]*(?=@)")
IN_DSN = re.compile(r"(?i)\b(password|passwd|secret|api_?key|token)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,;|]+)")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|KEY|TOKEN|PASSWD")
SHORTEST = 4
"""A shorter value would be found in words that have nothing to do with it."""


def known_secrets(env: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The values of all settings that are secrets by their names, also those in files."""
    found = set()
    for name, value in env.items():
        if SECRET_NAME.search(name) and not name.endswith("_FILE"):
            found.add(value.strip())
        elif SECRET_NAME.search(name):
            try:
                found.add(Path(value).read_text(encoding="utf-8", errors="replace")[:10_000].strip())
            except OSError:
                continue
    return frozenset(one for one in found if len(one) >= SHORTEST)


def censored(text: str, secrets: frozenset[str]) -> str:
    """The text without any of the secrets, without passwords in addresses, and with phone numbers masked."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = IN_URL.sub(r"\1:***", text)
    text = IN_DSN.sub(r"\1\2***", text)
    return PHONE.sub(lambda match: masked(match[1].lstrip("+")), text)
