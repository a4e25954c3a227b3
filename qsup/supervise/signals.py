"""What each signal asks of the supervisor (the table is in docs/reference/signals.md)."""

from __future__ import annotations

import signal
from typing import Literal

from qsup.supervise.events import PauseAsked, StopAsked

Wish = StopAsked | PauseAsked | Literal["reload", "state", "nothing"]

WISHES: dict[signal.Signals, Wish] = {
    signal.SIGTERM: StopAsked(now=False),
    signal.SIGINT: StopAsked(now=False),
    signal.SIGQUIT: StopAsked(now=True),
    signal.SIGHUP: "reload",
    signal.SIGUSR1: "nothing",
    signal.SIGUSR2: PauseAsked(paused=True),
    signal.SIGTSTP: PauseAsked(paused=True),
    signal.SIGCONT: PauseAsked(paused=False),
    signal.SIGTTIN: "state",
    signal.SIGCHLD: "nothing",
}
"""SIGUSR1 will reopen logs; until there is a logger it must not end the process either."""
