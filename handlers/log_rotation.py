"""RotateLogs: logs that have grown are put aside, and old ones compressed when nobody writes to them any more.

What it may not do it says, and goes on: a log that it cannot rotate is a warning, never a failed job.
"""

from __future__ import annotations

import fnmatch
import logging
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import qsup
from handlers.jobs import RotateLogs
from handlers.log_plan import FRESH, Found, Rename, Step, beyond, compression, numbers, old, rotation, strays
from handlers.log_steps import Told, carry_out, held, look, refusal
from handlers.operator_settings import RotationSettings, rotation_settings
from handlers.settings import SettingMissing
from handlers.supervisord import reopen_logs

log = logging.getLogger(__name__)

BELONGS_TO_A_LOG = re.compile(r".*\.([0-9]+|gz|tmp|lock|new)")
BYTES_PER_SECOND = 20e6
"""What gzip does at least, also on a slow machine: 10 MB took 0.3 s here."""
SECONDS_TO_SPARE = 5.0


def rotate_logs(job: RotateLogs, ctx: qsup.Context) -> None:  # noqa: ARG001  every handler has both
    """Rotate all logs of LOG_DIRECTORY. Only settings that make no sense make it fail."""
    try:
        settings = rotation_settings()
    except SettingMissing as error:
        raise qsup.Discard(str(error)) from None
    if not settings.folders:
        log.warning("LOG_DIRECTORY is not set: there is nothing to rotate")
    rotate_all(settings, seconds=max(1.0, ctx.timeout - SECONDS_TO_SPARE))


def rotate_all(settings: RotationSettings, *, seconds: float, told: Told = lambda _: None) -> None:
    """All logs: put aside first, which is quick; then supervisord is told; then compressed while there is time."""
    deadline = time.monotonic() + seconds
    every = sorted(find_logs(settings))
    ours = [one for one in every if _is_ours(one)]
    left_behind = [_locked(one, partial(_put_aside, one, settings, told)) for one in ours]
    if any(left_behind) and settings.pidfile is not None:
        reopen_logs(settings.pidfile)
    for one in ours:
        _locked(one, partial(_compress_old, one, settings, seconds, deadline, told))


def find_logs(settings: RotationSettings) -> Iterator[Path]:
    """The logs of all folders. Also one that has lost its name to a rotation that was killed."""
    for folder in settings.folders:
        try:
            names = [path.name for path in folder.iterdir()]
        except OSError as error:
            log.warning("%s cannot be read (%s): its logs are not rotated", folder, error.strerror)
            continue
        names += [name.removesuffix(FRESH) for name in names if name.endswith(FRESH)]
        for name in set(names):
            wanted = any(fnmatch.fnmatchcase(name, pattern) for pattern in settings.patterns)
            if wanted and BELONGS_TO_A_LOG.fullmatch(name) is None:
                yield folder / name


def _is_ours(one: Path) -> bool:
    try:
        reason = refusal(one)
    except FileNotFoundError:
        return Path(f"{one}{FRESH}").exists()
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        log.warning("%s is not rotated: %s", one, reason)
    return not reason


def _locked(one: Path, do: Callable[[], bool]) -> bool:
    """Do it under the log's lock; False when another rotator is at it, or it cannot be done."""
    try:
        with held(one) as mine:
            return mine and do()
    except OSError as error:
        log.warning("%s is not rotated further in this run: %s", one, error)
        return False


def _put_aside(one: Path, settings: RotationSettings, told: Told) -> bool:
    """Whether somebody may be writing to the old log now."""
    steps: list[Step] = []

    def note(step: Step) -> None:
        steps.append(step)
        told(step)

    carry_out(one.parent, strays(one.name, look(one, rest=settings.rest)), note)
    names = look(one, rest=settings.rest)
    wanted = rotation(one.name, names, largest=settings.largest, keep=settings.keep)
    if not wanted and one.name in names and names[one.name].size >= settings.largest:
        log.warning("%s waits: the oldest one, which would be dropped, may still be written to", one)
    carry_out(one.parent, wanted, note)
    carry_out(one.parent, beyond(one.name, look(one, rest=settings.rest), keep=settings.keep), note)
    return Rename(one.name, f"{one.name}.1") in steps or _has_busy(one.name, names)


def _has_busy(name: str, names: dict[str, Found]) -> bool:
    every = [old(name, names, number) for number in numbers(name, names)]
    return any(names[one].busy for one in every if one is not None)


def _compress_old(one: Path, settings: RotationSettings, seconds: float, deadline: float, told: Told) -> bool:
    names = look(one, rest=settings.rest)
    for steps in compression(one.name, names, most=BYTES_PER_SECOND * seconds / 2):
        if time.monotonic() > deadline - seconds / 2:
            log.info("%s: there is no time to compress in this run", one)
            return False
        carry_out(one.parent, steps, told)
    return True
