"""Waiting for Ctrl-C or SIGTERM in a program of threads."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDINGS = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def until_signal() -> Iterator[None]:
    """Run the block, then wait at its end for SIGINT or SIGTERM.

    The signals are blocked before any thread starts and taken by sigwait: one that comes just before a wait on a lock
    would only be noticed after it (seen: a simulator that outlived its SIGTERM).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
        signal.sigwait(ENDINGS)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
