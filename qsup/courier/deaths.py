"""What a worker's death means for the jobs it had: the one that it was running is charged, the others never began."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from qsup.messages import Died
from qsup.outcome import Report
from qsup.rows import Key


def reports_of(died: Died, given: Sequence[Key]) -> list[tuple[Key, Report]]:
    """A report for every job that the dead worker was given, and for the one that the board says was running."""
    running = (died.job, died.claim)
    keys = list(given) if died.job == 0 or running in given else [*given, running]
    never = Report(kind="released", reason="its worker left or died before it began")
    return [(key, report_of(died) if key == running else never) for key in keys]


def report_of(died: Died) -> Report:
    """How the running job ended."""
    match died.cause:
        case "stopped":
            return Report(kind="released", reason="the supervisor was told to stop at once")
        case "timeout":
            return Report(kind="timeout", reason="it ignored its time limit and was killed at the hard end")
        case "memory":
            return Report(kind="memory", reason="it used more than twice its memory limit and was killed")
        case "cancelled":
            return Report(kind="cancelled", reason=died.detail)
        case "released":
            return Report(kind="released", reason=died.detail)
        case _:
            return Report(kind="crash", reason=f"its worker {ending(died.status)}")


def ending(status: int) -> str:
    """`was killed by signal 9 (SIGKILL)`, `exited with code 3`."""
    if status >= 0:
        return f"exited with code {status} in the middle of the job"
    try:
        return f"was killed by signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"was killed by signal {-status}"
