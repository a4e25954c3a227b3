"""What `qsup run` starts before it becomes the supervisor: the reading of the file.

It takes as long as the supervisor itself needs to load, on another core. It is a child of the same process before and
after its exec; its descriptor goes through it by number. docs/adr/0027-start-while-reading.md.
"""

from __future__ import annotations

import os
import signal
from collections.abc import MutableMapping
from pathlib import Path

from qsup.board import boottime
from qsup.reaper import kill
from qsup.supervise.launcher import Reading

VARIABLE = "QSUP_AHEAD"


def read_ahead(file: Path, environment: MutableMapping[str, str], *, strict: bool) -> None:
    """Start it, to survive our exec; nothing without a file or a process to be had: the supervisor says why."""
    try:
        reading = Reading.begin(file, boottime(), patient=not strict) if file.exists() else None
    except OSError:
        return
    if reading is not None:
        os.set_inheritable(reading.output, True)
        environment[VARIABLE] = ":".join(map(str, (reading.pid, reading.output, reading.deadline)))


def take_over(environment: MutableMapping[str, str]) -> Reading | None:
    """What `read_ahead` has left us; None without any."""
    if not (numbers := environment.pop(VARIABLE, "")):
        return None
    pid, output, deadline = numbers.split(":")
    # No other child may hold it open.
    os.set_inheritable(int(output), False)
    return Reading(int(pid), int(output), float(deadline))


def dismiss(reading: Reading) -> None:
    """It is not wanted."""
    kill(reading.pid, signal.SIGKILL)
    os.waitpid(reading.pid, 0)
