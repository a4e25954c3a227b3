"""flock'd files: the kernel drops them with the last holder, however it died, so there are no stale lists of pids."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path


class Lock:
    """A held flock. Released by `release` or by the end of the process; never inherited by what is exec'd."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def release(self) -> None:
        """Give it up; a second time does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def make_exclusive(self) -> bool:
        """Turn a shared lock into an exclusive one. False when others hold it too; then this one may be lost."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take(path: Path, *, exclusive: bool, timeout: float, owner: tuple[int, int] | None = None) -> Lock:
    """The lock on `path`, waiting at most `timeout` seconds for it.

    The file is made when it is missing; with `owner` (uid, gid) it is given to that account. Raises TimeoutError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if owner is not None:
            os.fchown(descriptor, *owner)
        _wait_for(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, timeout)
    except BaseException:
        os.close(descriptor)
        raise
    return Lock(descriptor)


def is_held(path: Path, *, by_anyone: bool = False) -> bool:
    """Whether somebody holds this lock exclusively; `by_anyone`: or shared."""
    try:
        take(path, exclusive=by_anyone, timeout=0).release()
    except TimeoutError:
        return True
    return False


def _wait_for(descriptor: int, kind: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError from None
            time.sleep(0.02)
        else:
            return
