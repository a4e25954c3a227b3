"""Forking one worker, so that it can be told from its first moment on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from qsup import reaper
from qsup.messages import Fork

Begin = Callable[[Fork, int], NoReturn]
"""A worker's life in the forked child, with the descriptor for its byte when it is ready."""


@dataclass(frozen=True, slots=True)
class Child:
    """A worker that has been forked."""

    pid: int
    ready: int
    """Where its byte arrives."""


def fork_worker(fork: Fork, begin: Begin) -> Child:
    """Fork it. Raises OSError when the system has no process or descriptor for it."""
    readable, writable = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pid = _fork_unsignalled()
    except OSError:
        os.close(readable)
        os.close(writable)
        raise
    if pid == 0:
        os.close(readable)
        begin(fork, writable)
    os.close(writable)
    os.set_blocking(readable, False)
    # Refused when the child was quicker and has become another program, or has died already.
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)
    # Here, not in the child: what that touches for it would be pages of its own.
    reaper.first_to_go(pid)
    return Child(pid, readable)


def _fork_unsignalled() -> int:
    # With TERM held back in the child until `take_signals()`: it ignores TERM as the template does. One that came
    # before it has put that right would be lost, and a template that ends would wait for this worker for ever; a
    # blocked signal is only late.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return pid
