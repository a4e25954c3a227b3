"""What `qsup run` starts before it becomes the supervisor: the reading of the file, and the template.

Both take as long as the supervisor itself needs to load, on another core. They are children of the same process before
and after its exec; their descriptors go through it by number. docs/adr/0027-start-while-reading.md.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from qsup.board import boottime
from qsup.channel import Channel
from qsup.errors import QsupError
from qsup.reaper import kill
from qsup.rundir import run_directory
from qsup.supervise.launcher import TEMPLATE, Process, Reading, launch, told

VARIABLE = "QSUP_AHEAD"


@dataclass(frozen=True, slots=True)
class Ahead:
    """Two children, and where they are heard."""

    reading: Reading
    template: Process

    @staticmethod
    def start(file: Path, *, strict: bool) -> Ahead | None:
        """Start them; None when there is no file or no process to be had: the supervisor says why."""
        try:
            run = run_directory(file) if file.exists() else None
            if run is None:
                return None
            template = launch(TEMPLATE, TEMPLATE, told(run, file.absolute()))
            return Ahead(Reading.begin(file, boottime(), patient=not strict), template)
        except (OSError, QsupError):
            return None

    def hand_over(self, environment: MutableMapping[str, str]) -> None:
        """Let them survive our exec."""
        descriptors = self.reading.output, self.template.channel.fileno()
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        numbers = self.reading.pid, descriptors[0], self.reading.deadline, self.template.pid, descriptors[1]
        environment[VARIABLE] = ":".join(map(str, numbers))

    @staticmethod
    def take_over(environment: MutableMapping[str, str]) -> Ahead | None:
        """Those that `hand_over` has left us; None without any."""
        if not (numbers := environment.pop(VARIABLE, "")):
            return None
        reader, output, deadline, template, channel = numbers.split(":")
        for descriptor in (output, channel):
            # No other child may hold them open.
            os.set_inheritable(int(descriptor), False)
        sock = socket.socket(fileno=int(channel))
        return Ahead(
            Reading(int(reader), int(output), float(deadline)), Process(TEMPLATE, int(template), Channel(sock))
        )

    def dismiss(self) -> None:
        """They are not wanted."""
        for pid in (self.reading.pid, self.template.pid):
            kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
