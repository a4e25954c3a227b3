"""From a saved file to its content: when to read queues.yaml again, and what the reading child says about it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from qsup.check.problem import Problem
from qsup.reaper import kill
from qsup.routing import Routing
from qsup.supervise.desired import desire
from qsup.supervise.launcher import Reading
from qsup.supervise.model import Desired
from qsup.supervise.watch import ConfigWatch, fingerprint, start_watching
from qsup.wake import WakePipe, wait

Answer = Mapping[str, Any]


class Edits:
    """Watches the file and reads it, one reading at a time."""

    def __init__(self, file: Path, seen: str, now: float, wake: WakePipe, begun: Reading | None = None) -> None:
        self.file = file
        self.watch = ConfigWatch(file, seen, now)
        self.asked = False
        """Someone (HUP) wants the file and the code to be read again, changed or not."""
        self.patient = False
        """The next reading that was asked for is not urgent."""
        self.dsn = ""
        """Where the rows are that an edit may strand; empty while nobody knows."""
        self._rows_seen = False
        self._reading = begun
        self._before = seen
        """The content when the reading began."""
        self._rung = threading.Event()
        self._stop = threading.Event()
        self._wake = wake
        self._thread = start_watching(file.absolute().parent, self._ring, self._stop)

    def look(self, now: float) -> Answer | None:
        """Begin to read when there is something new; the answer of a reading that has ended."""
        if self._rung.is_set():
            self._rung.clear()
            self.watch.look_soon(now)
        if self.watch.changed(now):
            self.asked, self.patient = True, False
        if self._reading is None and self.asked:
            # Without a process to be had it stays asked, and is tried at the next turn.
            with suppress(OSError):
                self._before = fingerprint(self.file)
                self._reading = Reading.begin(self.file, now, self.dsn, patient=self.patient)
                self.asked = self.patient = False
        if self._reading is None:
            return None
        answer = self._reading.answer(now)
        if answer is not None:
            self._reading = None
            self._saw(answer.get("source_hash", ""))
        return answer

    def _saw(self, content: str) -> None:
        # Also a reading that was asked for has acted upon what it found: when that is taken back, it is a change. One
        # that could not read the file found what was there all the time; or nobody knows, and it is to be read again.
        there = content or fingerprint(self.file)
        if content or there == self._before:
            self.watch.seen = there
        else:
            self.asked = True

    def look_at_rows(self, dsn: str) -> None:
        """The database is there, or not any more; when it is there for the first time its rows are looked at."""
        self.dsn = dsn
        if dsn and not self._rows_seen:
            self._rows_seen = self.asked = self.patient = True

    @property
    def looked(self) -> bool:
        """Whether all that the file may leave unheard is known: nothing is being read, nor about to be."""
        return self._rows_seen and self._reading is None and not self.asked

    def descriptors(self) -> list[int]:
        """To wait for."""
        return [] if self._reading is None else [self._reading.output]

    def close(self) -> None:
        """End the watching thread."""
        self._stop.set()
        self._thread.join(5)
        if self._reading is not None:
            kill(self._reading.pid, signal.SIGKILL)

    def _ring(self) -> None:
        self._rung.set()
        self._wake.ring()


def read_now(
    file: Path, now: float, *, whole: bool = True, begun: Reading | None = None
) -> tuple[Answer, Reading | None]:
    """Read the file and wait for it: at the start, when there is nothing else to do.

    Unless the `whole` answer is wanted, the reading goes on behind it: to look what the code dispatches takes three
    times as long as the file, and none of it forbids to start.
    """
    reading = begun or Reading.begin(file, now, patient=not whole)
    # The child's own deadline does not matter here: whoever waits at a terminal can press Ctrl-C.
    while (answer := (reading.answer if whole else reading.file)(now)) is None:
        wait([reading.output], [], None)
    return answer, None if whole else reading


def problems_of(answer: Answer) -> list[Problem]:
    """What was found, as Problems."""
    return [Problem(**{"code": "Q000", **found}) for found in answer["problems"]]


def findings_of(answer: Answer) -> list[Problem]:
    """Dispatching code and waiting rows that the file leaves unheard."""
    return [Problem(**found) for found in answer.get("findings", ())]


def is_refused(answer: Answer) -> bool:
    """Does something in it forbid to apply it?"""
    return answer["routing"] is None or any(found.severity == "error" for found in problems_of(answer))


def desired_of(answer: Answer, generation: int) -> Desired:
    """What should run according to an answer that is not refused."""
    return desire(
        Routing.from_dict(answer["routing"]),
        generation=generation,
        source_hash=answer["source_hash"],
        code_version=answer["code_version"],
    )
