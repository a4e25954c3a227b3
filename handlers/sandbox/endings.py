"""Waiting for Ctrl-C or SIGTERM in a program of threads."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDINGS = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def endings() -> Iterator[Callable[[], object]]:
    """A function that waits for SIGINT or SIGTERM. Enter the block before the first thread starts.

    The signals are blocked and taken by sigwait: one that comes just before a wait on a lock would only be noticed
    after it (seen: a simulator that outlived its SIGTERM).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield lambda: signal.sigwait(ENDINGS)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
