"""What lies in the log folders: names, sizes, old ones. Their contents are not read: they may quote anything."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from handlers.log_plan import numbers, old
from handlers.log_rotation import find_logs
from handlers.log_steps import look, refusal
from handlers.operator_settings import RotationSettings, rotation_settings
from handlers.settings import SettingMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """One log; `refusal` says why RotateLogs leaves it alone, if it does (as seen by the user of the report)."""

    path: str
    size: int
    largest: int
    old: int
    old_size: int
    compressed: int
    refusal: str


def survey() -> tuple[list[LogFacts], list[str]]:
    """The logs of LOG_DIRECTORY by path, and sentences about what cannot be told. Never raises."""
    try:
        settings = rotation_settings()
    except SettingMissing as error:
        return [], [f"The log settings make no sense: {error}."]
    if not settings.folders:
        return [], ["LOG_DIRECTORY is not set for the process that wrote this report: it cannot see any log file."]
    notes = [f"{folder} is not a folder that can be read." for folder in settings.folders if not folder.is_dir()]
    found = []
    for log in sorted(find_logs(settings)):
        with contextlib.suppress(OSError):
            found.append(_facts(log, settings))
    return found, notes


def _facts(log: Path, settings: RotationSettings) -> LogFacts:
    names = look(log, rest=0.0)
    olds = [name for number in numbers(log.name, names) if (name := old(log.name, names, number)) is not None]
    return LogFacts(
        path=str(log),
        size=log.stat().st_size,
        largest=settings.largest,
        old=len(olds),
        old_size=sum(names[name].size for name in olds),
        compressed=sum(name.endswith(".gz") for name in olds),
        refusal=refusal(log),
    )
