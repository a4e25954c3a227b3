"""RouterOS values compared by meaning: the router writes `600s` back as `10m` and `yes` as `true`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
WITH_UNITS = re.compile(r"(?:[0-9]+[wdhms])+")
WITH_CLOCK = re.compile(r"((?:[0-9]+[wd])*)([0-9]+):([0-9]{2}):([0-9]{2})")
WITH_RATE = re.compile(r"([0-9]+)([kKMG])")
WITH_SIZE = re.compile(r"([0-9]+)(B|KiB|MiB|GiB)?")
THOUSANDS = {"k": 1000, "K": 1000, "M": 1000_000, "G": 1000_000_000}
BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, None: 1 << 10}

SENSITIVE = frozenset({"password", "secret"})
"""Columns that no row, log or message of ours may hold; an account without the policy `sensitive` does not see them."""
TEXTS = SENSITIVE | frozenset(
    [
        *("name", "user", "username", "comment", "email", "message", "ret", ".id", "dns-name", "dst-host"),
        *("server", "profile", "interface", "bridge", "list", "group", "host", "address", "mac-address"),
        *("address-pool", "address-list", "session-id", "acct-session-id", "on-login", "on-logout", "on-event"),
    ]
)
"""Columns that hold text and nothing else: a user may be called `yes`, a password may look like 10 minutes."""
RATES = frozenset({"rate-limit", "max-limit", "limit-at"})
SETS = frozenset({"login-by", "connection-state", "topics", "policy", "service"})
"""Lists in which the router keeps an order of its own."""
SIZES = frozenset({"cache-size"})


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


def rate(text: str) -> str:
    """Bits per second without units: `2M/5M` is `2000000/5000000`, also within burst parts."""
    return WITH_RATE.sub(lambda found: str(int(found[1]) * THOUSANDS[found[2]]), text)


def size(text: str) -> int | None:
    """Bytes of `4096KiB`; a bare number is in KiB, as /ip/dns prints its cache-size. None when it is neither."""
    found = WITH_SIZE.fullmatch(text)
    return int(found[1]) * BYTES[found[2]] if found else None


def canonical(value: object, column: str = "") -> str:
    """One spelling for all values of a column that mean the same; librouteros makes numbers and booleans of some."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if column in TEXTS:
        return _plain(str(value)) if column == "address" else str(value)
    text = {"yes": "true", "no": "false"}.get(str(value), str(value))
    if column in SETS:
        return ",".join(sorted(text.split(",")))
    if column in RATES:
        return rate(text)
    if column in SIZES:
        return str(size(text))
    length = seconds(text)
    return _plain(text) if length is None else f"{length}s"


def _plain(text: str) -> str:
    """Without what RouterOS adds or leaves out: the folder of devices with flash, the length of a single address."""
    return text.removeprefix("flash/").removesuffix("/32")


def differences(row: Mapping[str, object], wanted: Mapping[str, str]) -> dict[str, str]:
    """The wanted values that the row does not have. An absent column is empty, or `no`, 0, `none` as wanted."""
    return {name: value for name, value in wanted.items() if not same(row, name, value)}


def same(row: Mapping[str, object], column: str, wanted: str) -> bool:
    """Whether the row's value of a column means the wanted one."""
    is_switch = canonical(wanted) in {"true", "false"}
    absent = "" if column in TEXTS else "no" if is_switch else wanted if wanted in {"0", "none"} else ""
    return canonical(row.get(column, absent), column) == canonical(wanted, column)
