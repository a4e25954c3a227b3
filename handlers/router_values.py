"""RouterOS values compared by meaning: the router writes `600s` back as `10m` and `yes` as `true`. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
WITH_UNITS = re.compile(r"(?:[0-9]+[wdhms])+")
WITH_CLOCK = re.compile(r"((?:[0-9]+[wd])*)([0-9]+):([0-9]{2}):([0-9]{2})")
TEXTS = frozenset(
    [
        *("name", "user", "username", "password", "secret", "comment", "email", "message", "ret", ".id"),
        *("server", "profile", "interface", "bridge", "list", "group", "host", "address", "mac-address"),
        *("address-pool", "address-list", "session-id", "acct-session-id", "on-login", "on-logout"),
    ]
)
"""Columns that hold text and nothing else: a user may be called `yes`, a password may look like 10 minutes."""


def seconds(text: str) -> int | None:
    """A RouterOS duration (`1w2d3h4m5s`, `1d02:00:00`) in seconds; None when it is none."""
    clock = WITH_CLOCK.fullmatch(text)
    if clock is not None:
        days = seconds(clock[1]) if clock[1] else 0
        return (days or 0) + int(clock[2]) * 3600 + int(clock[3]) * 60 + int(clock[4])
    if WITH_UNITS.fullmatch(text) is None:
        return None
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"([0-9]+)([wdhms])", text))


def duration(span: timedelta) -> str:
    """A span of time in RouterOS's own spelling: `1d2h`."""
    rest, parts = int(span.total_seconds()), []
    for unit, length in UNITS.items():
        number, rest = divmod(rest, length)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def canonical(value: object) -> str:
    """One spelling for all values that mean the same; librouteros makes numbers and booleans of some replies."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = {"yes": "true", "no": "false"}.get(str(value), str(value))
    length = seconds(text)
    return text if length is None else f"{length}s"


def differences(row: dict[str, object], wanted: dict[str, str]) -> dict[str, str]:
    """The wanted values that the row does not have. An absent column is empty, or `no`, 0, `none` as wanted."""
    return {name: value for name, value in wanted.items() if not _same(name, _read(row, name, value), value)}


def _same(name: str, have: object, wanted: str) -> bool:
    return str(have) == wanted if name in TEXTS else canonical(have) == canonical(wanted)


def _read(row: dict[str, object], name: str, wanted: str) -> object:
    is_switch = canonical(wanted) in {"true", "false"}
    absent = "" if name in TEXTS else "no" if is_switch else wanted if wanted in {"0", "none"} else ""
    return row.get(name, absent)
