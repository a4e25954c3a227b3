"""Signal handlers and masks, as `signal` sets them, without its enums: for what every worker does.

To make an enum of an answer and a number of an enum, `signal` takes 50 µs for all that a worker asks after a job, and
in a forked worker it writes to 60 pages that were shared until then.
"""

from __future__ import annotations

from _signal import (  # type: ignore[import-not-found]  # typeshed leaves it out
    SIG_DFL,
    SIG_IGN,
    getsignal,
    pthread_sigmask,
    signal,
)

__all__ = ["SIG_DFL", "SIG_IGN", "getsignal", "pthread_sigmask", "signal"]
