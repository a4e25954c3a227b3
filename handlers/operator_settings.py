"""The settings of the jobs that look after routers, logs and reports, read from the environment in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handlers.settings import SettingMissing

MEGABYTE = 1024 * 1024
"""As supervisord counts its `10MB`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """`limit`: seconds for one router. `misses`: so many in a row mean offline. `gap`: seconds between two misses that
    count. `threads`: routers that are asked at the same time."""

    limit: float
    misses: int
    gap: float
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationSettings:
    """`largest`: bytes from which a log is rotated. `keep`: old ones. `rest`: seconds that a rotated log must have been
    left alone before it is compressed. `pidfile`: of a supervisord that is to open its logs anew."""

    folders: tuple[Path, ...]
    patterns: tuple[str, ...]
    largest: int
    keep: int
    rest: float
    pidfile: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """`folder`: where the newest report lies as a file; None = only in the database. `keep`: rows of old ones."""

    folder: Path | None
    keep: int


def check_settings(env: Mapping[str, str] = os.environ) -> CheckSettings:
    """ROUTER_CHECK_LIMIT, _MISSES, _GAP, _THREADS. Raises SettingMissing."""
    return CheckSettings(
        limit=_number(env, "ROUTER_CHECK_LIMIT", 5.0, lowest=0.05, highest=5.0),
        misses=int(_number(env, "ROUTER_CHECK_MISSES", 3, lowest=1, highest=1000)),
        gap=_number(env, "ROUTER_CHECK_GAP", 20.0, lowest=0, highest=86400),
        threads=int(_number(env, "ROUTER_CHECK_THREADS", 64, lowest=1, highest=512)),
    )


def rotation_settings(env: Mapping[str, str] = os.environ) -> RotationSettings:
    """LOG_DIRECTORY (several with `:` between), LOG_PATTERNS, LOG_LARGEST … Raises SettingMissing."""
    pidfile = env.get("LOG_SUPERVISORD_PIDFILE", "")
    patterns = tuple(part for part in env.get("LOG_PATTERNS", "*.log").split() if part)
    if any("/" in pattern for pattern in patterns):
        raise SettingMissing(f"LOG_PATTERNS is {' '.join(patterns)!r}: expected names such as *.log, without folders")
    return RotationSettings(
        folders=tuple(Path(part) for part in env.get("LOG_DIRECTORY", "").split(os.pathsep) if part),
        patterns=patterns,
        largest=int(_number(env, "LOG_LARGEST", 10 * MEGABYTE, lowest=1, highest=2**50)),
        keep=int(_number(env, "LOG_KEEP", 7, lowest=1, highest=999)),
        rest=_number(env, "LOG_REST", 5.0, lowest=0, highest=86400),
        pidfile=Path(pidfile) if pidfile else None,
    )


def report_settings(env: Mapping[str, str] = os.environ) -> ReportSettings:
    """REPORT_DIRECTORY, REPORT_KEEP. Raises SettingMissing."""
    folder = env.get("REPORT_DIRECTORY", "")
    keep = int(_number(env, "REPORT_KEEP", 100, lowest=1, highest=100_000))
    return ReportSettings(folder=Path(folder) if folder else None, keep=keep)


def _number(env: Mapping[str, str], name: str, default: float, *, lowest: float, highest: float) -> float:
    text = env.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest:
        raise SettingMissing(f"{name} is {text!r}: expected a number from {lowest:g} to {highest:g}")
    return value
