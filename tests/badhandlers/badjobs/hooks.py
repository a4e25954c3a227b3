"""Failed hooks that fail."""

# ruff: noqa: ARG001  bad on purpose

from __future__ import annotations

import os
import signal

import qsup

from .hanging import swallow_everything
from .jobs import Bad, say


def hook_raises(job: Bad, ctx: qsup.Context) -> None:
    say(job, "hook raises")
    raise ValueError("also the hook")


def hook_hangs(job: Bad, ctx: qsup.Context) -> None:
    say(job, "hook hangs")
    swallow_everything(job, ctx)


def hook_kills(job: Bad, ctx: qsup.Context) -> None:
    say(job, "hook kills")
    os.kill(os.getpid(), signal.SIGKILL)
