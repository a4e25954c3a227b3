"""What `qsup run` starts before it becomes the supervisor: the reading of the file, and the template.

Both take as long as the supervisor itself needs to load, on another core. They are children of the same process before
and after its exec; their descriptors go through it by number. docs/adr/0027-start-while-reading.md.
"""

from __future__ import annotations

import os
import signal
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from qsup.board import boottime
from qsup.reaper import kill
from qsup.supervise.launcher import Reading

VARIABLE = "QSUP_AHEAD"


@dataclass(frozen=True, slots=True)
class Ahead:
    """A child, and where it is heard."""

    reading: Reading

    @staticmethod
    def start(file: Path, *, strict: bool) -> Ahead | None:
        """Start it; None when there is no file or no process to be had: the supervisor says why."""
        try:
            return Ahead(Reading.begin(file, boottime(), patient=not strict)) if file.exists() else None
        except OSError:
            return None

    def hand_over(self, environment: MutableMapping[str, str]) -> None:
        """Let it survive our exec."""
        reading = self.reading
        os.set_inheritable(reading.output, True)
        environment[VARIABLE] = ":".join(map(str, (reading.pid, reading.output, reading.deadline)))

    @staticmethod
    def take_over(environment: MutableMapping[str, str]) -> Ahead | None:
        """What `hand_over` has left us; None without any."""
        if not (numbers := environment.pop(VARIABLE, "")):
            return None
        pid, output, deadline = numbers.split(":")
        # No other child may hold it open.
        os.set_inheritable(int(output), False)
        return Ahead(Reading(int(pid), int(output), float(deadline)))

    def dismiss(self) -> None:
        """It is not wanted."""
        kill(self.reading.pid, signal.SIGKILL)
        os.waitpid(self.reading.pid, 0)
