"""Durations, sizes and backoffs as people write them. Each function raises ValueError with what it expected.

A size counts in 1024s whatever its letters (MB = MiB = 1024 * 1024 bytes): Laravel's `--memory=128` and supervisord's
`10MB` do, and two meanings of one word would only surprise.
"""

from __future__ import annotations

import re

SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
LONGEST = 3_660 * 86_400.0
"""Ten years: more is a slip of the pen, and far more would overflow PostgreSQL's intervals."""

DURATION = re.compile(r"(?=[0-9])(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", re.ASCII)
NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(?:([KMG])i?)?(B?)", re.ASCII | re.IGNORECASE)
BYTES = {"K": 1024, "M": 1024**2, "G": 1024**3}

A_DURATION = "a duration such as 90, 90s, 10m or 1h30m"
A_SIZE = "a size such as 128 (MB), 128MB or 1GB"
A_BACKOFF = "a duration, a list of durations such as [5s, 15s, 60s], or text such as 5,15,60"
A_SHARE = "a share such as 10% or 0.1, at most 100%"


def duration(value: object) -> float:
    """Seconds. A number counts seconds."""
    seconds = _seconds(value)
    if seconds is None or not 0 <= seconds <= LONGEST:
        raise ValueError(A_DURATION)
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or len(value) > 40:
        return None
    if NUMBER.fullmatch(value):
        return float(value)
    match = DURATION.fullmatch(value)
    if match is None:
        return None
    parts = zip(match.groups(), SECONDS.values(), strict=True)
    return round(sum(float(number) * unit for number, unit in parts if number), 6)


def positive(value: object) -> float:
    """Seconds, more than none."""
    seconds = duration(value)
    if seconds == 0:
        raise ValueError(f"{A_DURATION}, more than 0")
    return seconds


def size(value: object) -> int:
    """Bytes, at least 1. A number counts MB, as in Laravel."""
    found = _bytes(value)
    if found is None or not 1 <= found <= 1024**5:
        raise ValueError(A_SIZE)
    return found


def _bytes(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value * BYTES["M"]) if 0 < value < 1024**3 else None
    match = SIZE.fullmatch(value) if isinstance(value, str) and len(value) <= 40 else None
    if match is None:
        return None
    number, unit, letter = match.groups()
    return int(float(number) * (1 if letter and not unit else BYTES[(unit or "M").upper()]))


def backoff(value: object) -> tuple[float, ...]:
    """Seconds after try 1, 2, 3 …; at least one."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    try:
        delays = tuple(duration(part.strip() if isinstance(part, str) else part) for part in parts)
    except ValueError:
        raise ValueError(A_BACKOFF) from None
    if not 1 <= len(delays) <= 100:
        raise ValueError(A_BACKOFF)
    return delays


def share(value: object) -> float:
    """A part of one, 0 to 1."""
    if isinstance(value, str) and value.endswith("%") and NUMBER.fullmatch(value[:-1]) and len(value) < 12:
        found = float(value[:-1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
    else:
        raise ValueError(A_SHARE)
    if not 0 <= found <= 1:
        raise ValueError(A_SHARE)
    return found


def written(seconds: float) -> str:
    """A duration as a person would write it: 90 → 1m30s, 0.5 → 500ms, 7200 → 2h."""
    milliseconds, text = round(seconds * 1000), ""
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def written_size(size_in_bytes: int) -> str:
    """A size in the largest unit that fits it exactly: 134217728 → 128MB."""
    for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if size_in_bytes % factor == 0:
            return f"{size_in_bytes // factor}{unit}"
    return f"{size_in_bytes}B"
