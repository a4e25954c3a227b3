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
from functools import cache
from typing import Any

from qsup.board import boottime

CLOCK_BOOTTIME = 7
SIGEV_SIGNAL = 0
LIBC: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Opened before any worker is forked: each time makes new classes."""


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
        self._timer = ctypes.c_void_p()
        # struct itimerspec: the interval (none), then seconds and nanoseconds from now; zero disarms.
        self._spec = (ctypes.c_long * 4)()
        self._where, self._never = ctypes.byref(self._spec), ctypes.byref((ctypes.c_long * 4)())
        event = _Event(None, signal.SIGKILL, SIGEV_SIGNAL)
        try:
            self._made = LIBC is not None and not LIBC.timer_create(
                CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)
            )
        except AttributeError:
            # A C library without it: the template and the supervisor have to be enough.
            self._made = False
        self._settime: Any = LIBC and LIBC.timer_settime
        self._until = 0.0

    def begin(self, expires: float) -> None:
        """From now on this process dies at `expires` (of qsup.board.boottime); 0 = never.

        Jobs that were claimed together end together: for the next of them nothing is to be done.
        """
        if not expires:
            self.end()
        elif self._made and expires != self._until:
            self._until = expires
            seconds = max(0.001, expires - boottime())
            self._spec[2], self._spec[3] = int(seconds), int(seconds % 1 * 1e9)
            self._settime(self._timer, 0, self._where, None)

    def end(self) -> None:
        """It does not die by this any more."""
        if self._until:
            self._until = 0.0
            self._settime(self._timer, 0, self._never, None)


@cache
def of_process(_pid: int) -> LeaseEnd:
    """The timer of the process with this pid, which is the caller: a fork does not inherit it."""
    return LeaseEnd()
