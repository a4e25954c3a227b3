"""What a handler may have changed in its worker, and how it is put back before the next job.

Every line of the table `kept` reads one thing and can put it back. What cannot be put back (a lowered limit, a closed
descriptor of ours) is named to the worker, which then leaves: the next job finds a fresh one. Not kept, because
nobody could: what a handler changes inside modules, and threads that it leaves behind. What a module sets up when it is
imported (the environment, sys.path) stays, since it is imported only once.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps; see _handlers
import decimal
import locale
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SIGNALS = (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE,
    signal.SIGALRM, signal.SIGCHLD, signal.SIGVTALRM, signal.SIGPROF,
)  # fmt: skip
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
LIMITS = (
    resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_STACK, resource.RLIMIT_CPU,
    resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC,
)  # fmt: skip
CROWDED = 0.5
"""Share of the descriptors that may be in use; above it a worker leaves before the next job meets the limit."""
NOT_FREE = "file descriptors were leaked"

Identity = tuple[int, int]
"""Device and inode: which open file a descriptor is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing, how it was, and how to put it back."""

    name: str
    look: Callable[[], Any]
    put_back: Callable[[Any], object]
    fatal: bool = False
    """Even when it could be put back a fresh worker must follow."""
    imported: bool = False
    """Set up by imports too: what it is after a run that has imported something is how it was meant."""


class Surroundings:
    """How the process was before its first job."""

    def __init__(self) -> None:
        self._cwd = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
        self._streams = [_copy(number) for number in (0, 1, 2)]
        self._decimal = decimal.getcontext().copy()
        self._kept = [(one, one.look()) for one in self._table()]

    def restore(self, *, imported: bool = False) -> list[str]:
        """Put everything back; the names of what could not be, or tells that this worker must not go on.

        `imported`: modules were imported meanwhile.
        """
        if imported:
            self._kept = [(one, one.look() if one.imported else was) for one, was in self._kept]
        spoiled = [one.name for one, was in self._kept if not (_is(one, was) or _restored(one, was))]
        return spoiled + ([NOT_FREE] if self._crowded() else [])

    def _crowded(self) -> bool:
        """Whether so many descriptors are open that a next job might get none."""
        try:
            lowest = os.dup(self._cwd)
        except OSError:
            return True
        os.close(lowest)
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return most != resource.RLIM_INFINITY and lowest > most * CROWDED

    def _table(self) -> Sequence[Kept]:
        return (
            # Handlers before the mask: what was held back arrives at ours.
            Kept("the handler of SIGTERM", lambda: _signal.getsignal(signal.SIGTERM), _handle_term, fatal=True),
            Kept("signal handlers", _handlers, _set_handlers),
            Kept("blocked signals", lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()), _set_mask),
            Kept("the signals' descriptor", _wakeup, _set_wakeup),
            Kept("timers", lambda: [signal.getitimer(one) for one in TIMERS], _disarm),
            Kept("standard streams", lambda: [identity(number) for number in (0, 1, 2)], self._put_streams_back),
            Kept("sys.stdin, stdout, stderr", lambda: (sys.stdin, sys.stdout, sys.stderr), _set_streams),
            Kept("the working directory", lambda: _where(os.stat(".")), lambda _: os.fchdir(self._cwd)),
            Kept("the umask", _umask, os.umask),
            Kept("the environment", _environment, _set_environment, imported=True),
            Kept("the decimal context", lambda: repr(decimal.getcontext()), self._set_decimal),
            Kept("the locale", lambda: locale.setlocale(locale.LC_ALL), _set_locale, imported=True),
            Kept("sys.path", lambda: list(sys.path), lambda was: sys.path.__setitem__(slice(None), was), imported=True),
            Kept("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, imported=True),
            Kept("the sockets' timeout", socket.getdefaulttimeout, socket.setdefaulttimeout, imported=True),
            Kept("resource limits", lambda: [resource.getrlimit(one) for one in LIMITS], _set_limits),
            Kept("its priority", lambda: os.getpriority(os.PRIO_PROCESS, 0), _set_priority),
            Kept("its process group", lambda: os.getpgid(0), lambda was: os.setpgid(0, was)),
            Kept("its user", lambda: (os.getuid(), os.geteuid(), os.getgid(), os.getegid()), _cannot),
        )  # fmt: skip

    def _set_decimal(self, _: str) -> None:
        decimal.setcontext(self._decimal.copy())

    def _put_streams_back(self, was: list[Identity | None]) -> None:
        for number, (copy, before) in enumerate(zip(self._streams, was, strict=True)):
            if identity(number) != before and copy is not None and identity(copy) == before:
                os.dup2(copy, number)


def identity(descriptor: int) -> Identity | None:
    """Which open file this is; None for a closed descriptor."""
    try:
        return _where(os.fstat(descriptor))
    except OSError:
        return None


def _where(found: os.stat_result) -> Identity:
    return (found.st_dev, found.st_ino)


def _copy(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:
        return None


def _is(one: Kept, was: Any) -> bool:
    try:
        return bool(one.look() == was)
    except Exception:
        # What cannot even be looked at is put back.
        return False


def _restored(one: Kept, was: Any) -> bool:
    try:
        one.put_back(was)
        return one.look() == was and not one.fatal
    except Exception:
        return False


def _handlers() -> list[Any]:
    # Not by `signal`: looking for each answer among its enum's members takes 50 µs, this takes one.
    return [_signal.getsignal(number) for number in SIGNALS]


def _set_handlers(was: list[Any]) -> None:
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


def _set_mask(was: set[signal.Signals]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, was)


def _disarm(_: object) -> None:
    for timer in TIMERS:
        signal.setitimer(timer, 0)


def _set_streams(was: tuple[Any, Any, Any]) -> None:
    sys.stdin, sys.stdout, sys.stderr = was


def _environment() -> dict[bytes, bytes]:
    # Its own dict: decoding every variable after every job would cost a hundred times as much.
    return dict(vars(os.environ)["_data"])


def _set_environment(was: dict[bytes, bytes]) -> None:
    for name in set(_environment()) - set(was):
        del os.environb[name]
    for name, value in was.items():
        os.environb[name] = value
    time.tzset()


def _set_locale(was: str) -> None:
    locale.setlocale(locale.LC_ALL, was)


def _set_limits(was: list[tuple[int, int]]) -> None:
    for limit, values in zip(LIMITS, was, strict=True):
        resource.setrlimit(limit, values)


def _set_priority(was: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, was)


def _cannot(was: object) -> None:
    raise PermissionError(was)
