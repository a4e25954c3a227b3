"""Carrying out the plan for one log: under its lock, one operation of the file system after the other.

Owner, group and mode bits of what is there are never changed. A log that belongs to somebody else is left alone: its
successor would be ours, and its writers could not write to it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handlers.log_plan import Compress, Create, Found, Publish, Remove, Rename, Step
from handlers.log_writers import is_written

CHUNK = 1024 * 1024

Told = Callable[[Step], object]


def refusal(log: Path) -> str:
    """Why this log is not ours to rotate, in words; empty when it is. Raises OSError."""
    found, folder = log.lstat(), log.parent.stat()
    if not stat.S_ISREG(found.st_mode):
        return "it is not a plain file; name the folder of the file itself"
    if found.st_uid != os.geteuid():
        return (
            f"it belongs to uid {found.st_uid} and RotateLogs runs as uid {os.geteuid()}: its successor would not be"
            f" its writers'; run the job as uid {found.st_uid}, or let its writers run as uid {os.geteuid()}"
        )
    if not os.access(log.parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return f"uid {os.geteuid()} may not write to the folder {log.parent}"
    group = folder.st_gid if folder.st_mode & stat.S_ISGID else os.getegid()
    if found.st_mode & stat.S_IWGRP and found.st_gid != group:
        return (
            f"its group {found.st_gid} may write to it, and its successor would have the group {group};"
            f" set the folder's group to {found.st_gid} with the set-group-ID bit (chmod g+s)"
        )
    return ""


@contextmanager
def held(log: Path) -> Iterator[bool]:
    """The lock of a log, for as long as the block lasts; False when another rotator has it. Raises OSError.

    Its file stays: whoever removed it would let two rotators hold two locks of one name.
    """
    number = os.open(f"{log}.lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EACCES}:
                raise
            yield False
        else:
            yield True
    finally:
        os.close(number)


def look(log: Path, *, rest: float) -> dict[str, Found]:
    """The log and everything that belongs to it. An old one is busy while somebody writes to it and for `rest` seconds
    after its last change, of its name too: who opened it under its old name at that moment is seen by then."""
    found = {}
    for entry in os.scandir(log.parent):
        if entry.name != log.name and not entry.name.startswith(f"{log.name}."):
            continue
        with contextlib.suppress(FileNotFoundError):
            about = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(about.st_mode):
                busy = entry.name[-1].isdigit() and (
                    time.time() - about.st_ctime < rest or is_written(Path(entry.path))
                )
                found[entry.name] = Found(size=about.st_size, mode=stat.S_IMODE(about.st_mode), busy=busy)
    return found


def carry_out(folder: Path, steps: Iterable[Step], told: Told = lambda _: None) -> None:
    """Do the steps in order; `told` hears of each that is done. Raises OSError: what is done stays, the rest waits."""
    for step in steps:
        match step:
            case Remove(name):
                (folder / name).unlink(missing_ok=True)
            case Create(name, mode):
                os.close(_new_file(folder / name, mode))
            case Rename(before, after):
                (folder / before).rename(folder / after)
            case Publish(before, after):
                with contextlib.suppress(FileExistsError):
                    os.link(folder / before, folder / after, follow_symlinks=False)
                (folder / before).unlink()
            case Compress(source, target):
                _compress(folder / source, folder / target)
        if isinstance(step, Rename | Publish):
            _to_disk(folder)
        told(step)


def _compress(source: Path, target: Path) -> None:
    with source.open("rb") as plain:
        before = os.fstat(plain.fileno())
        try:
            with os.fdopen(_new_file(target, stat.S_IMODE(before.st_mode)), "wb") as raw:
                with gzip.GzipFile("", "wb", 6, raw, int(before.st_mtime)) as packed:
                    shutil.copyfileobj(plain, packed, CHUNK)
                raw.flush()
                os.fsync(raw.fileno())
            after = os.fstat(plain.fileno())
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise OSError(errno.EBUSY, "somebody wrote to it while it was compressed", str(source))
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def _new_file(path: Path, mode: int) -> int:
    """An empty file with exactly these mode bits, without chmod: the umask would take some of them away."""
    before = os.umask(0)
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    finally:
        os.umask(before)


def _to_disk(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
