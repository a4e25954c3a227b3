"""What a handler may have changed in its worker, and how it is put back before the next job.

Every line of the table `kept` reads one thing and can put it back. What cannot be put back (a lowered limit, a closed
descriptor of ours) is named to the worker, which then leaves: the next job finds a fresh one. Not kept, because
nobody could: what a handler changes inside modules, and threads that it leaves behind. What a module sets up when it is
imported (the environment, sys.path) stays, since it is imported only once.
"""

from __future__ import annotations

import _locale
import decimal
import locale
import math
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

from qsup import setsignal

SIGNALS = (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE,
    signal.SIGALRM, signal.SIGCHLD, signal.SIGVTALRM, signal.SIGPROF,
)  # fmt: skip
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
LIMITS = (
    resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_STACK, resource.RLIMIT_CPU,
    resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC,
)  # fmt: skip
STREAMS = ("stdin", "stdout", "stderr")
CROWDED = 0.5
"""Share of the descriptors that may be in use; above it a worker leaves before the next job meets the limit."""
NOT_FREE = "file descriptors were leaked"

Identity = tuple[int, ...]
"""Inode and device, as stat brings them: which open file a descriptor is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing, how it was, and how to put it back."""

    name: str
    looks: Sequence[Callable[[], Any]]
    """All are called after every job: where a function of C's does it, there is none of Python's around it."""
    put_back: Callable[..., object]
    """Takes as many values as there are looks."""
    fatal: bool = False
    """Even when it could be put back a fresh worker must follow."""
    own: bool = False
    """Each worker sets it up for itself, after the fork."""
    imported: bool = False
    """Set up by imports too: what it is after a run that has imported something is how it was meant."""

    def look(self) -> list[Any]:
        """How it is now."""
        return [look() for look in self.looks]

    def copy(self) -> list[Any]:
        """How it is now, whatever happens to it."""
        return [value.copy() if isinstance(value, (list, dict)) else value for value in self.look()]


class Surroundings:
    """How the process was before its first job."""

    def __init__(self) -> None:
        self._cwd = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
        self._streams = [_copy(number) for number in (0, 1, 2)]
        self._decimal = decimal.getcontext().copy()
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._many = math.inf if most == resource.RLIM_INFINITY else most * CROWDED
        kept = (*TABLE, *self._own())
        self._was = [value for one in kept for value in one.copy()]
        self._looks = [look for one in kept for look in one.looks]
        ends = list(accumulate(len(one.looks) for one in kept))
        self._kept = [(one, slice(end - len(one.looks), end)) for one, end in zip(kept, ends, strict=True)]
        """Each with its place in the list of how everything was."""

    def begin(self) -> None:
        """From here on it is this process that jobs will find: it was made in the one that forked us."""
        for one, place in self._kept:
            if one.own:
                self._was[place] = one.copy()

    def close(self) -> None:
        """There will be no other job in this process."""
        for descriptor in (self._cwd, *self._streams):
            if descriptor is not None:
                os.close(descriptor)

    def restore(self, *, imported: bool = False) -> list[str]:
        """Put everything back; the names of what could not be, or tells that this worker must not go on.

        `imported`: modules were imported meanwhile.
        """
        for one, place in self._kept if imported else ():
            if one.imported:
                self._was[place] = one.copy()
        if self._untouched():
            spoiled = []
        else:
            spoiled = [one.name for one, place in self._kept if not _put_right(one, self._was[place])]
        return spoiled + ([NOT_FREE] if self._crowded() else [])

    def _untouched(self) -> bool:
        try:
            return [look() for look in self._looks] == self._was
        except Exception:
            # What cannot even be looked at is put back.
            return False

    def _crowded(self) -> bool:
        """Whether so many descriptors are open that a next job might get none."""
        try:
            lowest = os.dup(self._cwd)
        except OSError:
            return True
        os.close(lowest)
        return lowest > self._many

    def _own(self) -> Sequence[Kept]:
        return (
            Kept("standard streams", [partial(identities, (0, 1, 2))], self._put_streams_back),
            Kept("the working directory", [_here], lambda _: os.fchdir(self._cwd)),
            Kept("the decimal context", [_decimals], self._set_decimal),
        )

    def _set_decimal(self, _: object) -> None:
        decimal.setcontext(self._decimal.copy())

    def _put_streams_back(self, was: list[Identity | None]) -> None:
        for number, (copy, before) in enumerate(zip(self._streams, was, strict=True)):
            if identity(number) != before and copy is not None and identity(copy) == before:
                os.dup2(copy, number)


def identities(descriptors: Sequence[int]) -> list[Identity | None]:
    """Which open files these are; None for a closed descriptor."""
    try:
        # One step for all: a call of Python's for each would take as long as the system's.
        return [found[1:3] for found in map(os.fstat, descriptors)]
    except OSError:
        return [identity(one) for one in descriptors]


def identity(descriptor: int) -> Identity | None:
    """Which open file this is; None for a closed descriptor."""
    try:
        return os.fstat(descriptor)[1:3]
    except OSError:
        return None


def _copy(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:
        return None


def _put_right(one: Kept, was: list[Any]) -> bool:
    if _is(one, was):
        return True
    try:
        one.put_back(*was)
        return one.look() == was and not one.fatal
    except Exception:
        return False


def _is(one: Kept, was: list[Any]) -> bool:
    try:
        return one.look() == was
    except Exception:
        return False


def _handler_of(number: signal.Signals) -> Callable[[], Any]:
    return partial(setsignal.getsignal, number.value)


def _set_handlers(*was: Any) -> None:
    for number, handler in zip(SIGNALS, was, strict=True):
        if handler is not None:
            signal.signal(number, handler)


def _handle_term(was: Any) -> None:
    # While it was another's, a wish that we leave may have been lost: hence fatal.
    signal.signal(signal.SIGTERM, was)


def _wakeup() -> int:
    was = signal.set_wakeup_fd(-1)
    _set_wakeup(was)
    return was


def _set_wakeup(was: int) -> None:
    signal.set_wakeup_fd(was, warn_on_full_buffer=False)


def _umask() -> int:
    was = os.umask(0o077)
    os.umask(was)
    return was


def _set_mask(was: set[int]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, was)


def _disarm(*_: object) -> None:
    for timer in TIMERS:
        signal.setitimer(timer, 0)


def _set_streams(*was: Any) -> None:
    sys.stdin, sys.stdout, sys.stderr = was


def _set_path(was: list[str]) -> None:
    sys.path[:] = was


def _here() -> Identity:
    return os.stat(".")[1:3]


def _environment() -> dict[bytes, bytes]:
    # Its own dict: decoding every variable after every job would cost a hundred times as much.
    found: dict[bytes, bytes] = vars(os.environ)["_data"]
    return found


def _decimals() -> object:
    return decimal.getcontext().__reduce__()


def _set_environment(was: dict[bytes, bytes]) -> None:
    for name in set(_environment()) - set(was):
        del os.environb[name]
    for name, value in was.items():
        os.environb[name] = value
    time.tzset()


def _set_locale(was: str) -> None:
    locale.setlocale(locale.LC_ALL, was)


def _set_limits(*was: tuple[int, int]) -> None:
    for limit, values in zip(LIMITS, was, strict=True):
        resource.setrlimit(limit, values)


def _set_priority(was: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, was)


def _cannot(*was: object) -> None:
    raise PermissionError(was)


TABLE = (
    # Handlers before the mask: what was held back arrives at ours.
    Kept("the handler of SIGTERM", [_handler_of(signal.SIGTERM)], _handle_term, fatal=True, own=True),
    Kept("signal handlers", [_handler_of(one) for one in SIGNALS], _set_handlers, own=True),
    Kept("blocked signals", [partial(setsignal.pthread_sigmask, signal.SIG_BLOCK.value, ())], _set_mask, own=True),
    Kept("the signals' descriptor", [_wakeup], _set_wakeup, own=True),
    Kept("timers", [partial(signal.getitimer, one) for one in TIMERS], _disarm),
    Kept("sys.stdin, stdout, stderr", [partial(getattr, sys, one) for one in STREAMS], _set_streams, own=True),
    Kept("the umask", [_umask], os.umask),
    Kept("the environment", [_environment], _set_environment, imported=True),
    Kept("the locale", [partial(_locale.setlocale, locale.LC_ALL)], _set_locale, imported=True),
    Kept("sys.path", [partial(getattr, sys, "path")], _set_path, imported=True),
    Kept("the recursion limit", [sys.getrecursionlimit], sys.setrecursionlimit, imported=True),
    Kept("the sockets' timeout", [socket.getdefaulttimeout], socket.setdefaulttimeout, imported=True),
    Kept("resource limits", [partial(resource.getrlimit, one) for one in LIMITS], _set_limits),
    Kept("its priority", [partial(os.getpriority, os.PRIO_PROCESS, 0)], _set_priority),
    Kept("its process group", [partial(os.getpgid, 0)], lambda was: os.setpgid(0, was), own=True),
    Kept("its user", [os.getuid, os.geteuid, os.getgid, os.getegid], _cannot),
)
"""Made once, before any worker is forked: made in each it was 60 pages of each (measured)."""
