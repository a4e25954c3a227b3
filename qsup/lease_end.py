"""The end of a lease, kept by the kernel: who is still in the job then is killed, even if nobody else is left alive.

A worker over its time limit is killed at the hard end by its template or its supervisor. When both are dead nobody
looks at the board any more, but once the lease is over another host may run the job: so this process must not be at it
any longer. The timer needs no interpreter (C code may hold it), cannot be caught or blocked, ends a stopped process,
counts suspend, and is not inherited by what a handler starts. docs/adr/0012-end-of-a-lease.md.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from qsup.board import boottime

CLOCK_BOOTTIME = 7
SIGEV_SIGNAL = 0


class _Event(ctypes.Structure):
    """struct sigevent."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("number", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )


class LeaseEnd:
    """One timer for the life of this process."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._timer = ctypes.c_void_p()
        # struct itimerspec: the interval (none), then seconds and nanoseconds from now; zero disarms.
        self._spec = (ctypes.c_long * 4)()
        self._where = ctypes.byref(self._spec)
        event = _Event(None, signal.SIGKILL, SIGEV_SIGNAL)
        try:
            made = self._libc is not None and not self._libc.timer_create(
                CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)
            )
        except AttributeError:
            # A C library without it: the template and the supervisor have to be enough.
            made = False
        self._made = made

    @contextmanager
    def at(self, expires: float) -> Iterator[None]:
        """Inside the block this process dies at `expires` (of qsup.board.boottime); 0 = never."""
        if not (self._made and expires):
            yield
            return
        self._set(max(0.001, expires - boottime()))
        try:
            yield
        finally:
            self._set(0.0)

    def _set(self, seconds: float) -> None:
        self._spec[2], self._spec[3] = int(seconds), int(seconds % 1 * 1e9)
        assert self._libc is not None  # noqa: S101  the timer was made
        self._libc.timer_settime(self._timer, 0, self._where, None)


@cache
def of_process(_pid: int) -> LeaseEnd:
    """The timer of the process with this pid, which is the caller: a fork does not inherit it."""
    return LeaseEnd()
