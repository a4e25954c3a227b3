"""Faults at a point of the code of a real process, ordered by a test: kill, stop or hold it there, or write a line.

The test describes them before the processes start (`Faults.add`) and may arm them later; `tests.moments.inside`, which
a sitecustomize module loads in each process, carries them out. A clock that all these processes share can be moved.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[2]
FOLDER = "QSUP_MOMENTS"
"""The environment variable that names the folder of faults and clock."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """At the n-th call of `at` while armed: do it, once in all processes together."""

    name: str
    """Of the file that says that it has happened."""
    process: str
    """`qsup.courier`: what was started with `python -m`, or is shown so. Workers are `qsup.template`."""
    at: str
    """`qsup.courier.handout:Handout._give`; for `set` a constant of a module."""
    do: Literal["kill", "stop", "hold", "tell", "set"]
    after: bool = False
    """After the call instead of before it."""
    only: str = ""
    """Counts only calls with this text in the repr of the arguments."""
    call: int = 1
    armed: bool = True
    value: Any = None
    """For `set`."""


class Faults:
    """The folder, from the test's side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._faults: list[Fault] = []
        (folder / "clock").write_bytes(bytes(16))
        with (folder / "clock").open("r+b") as file:
            self._clock = memoryview(mmap.mmap(file.fileno(), 16)).cast("d")
        self._write()

    @property
    def environment(self) -> Mapping[str, str]:
        """For the processes."""
        path = os.pathsep.join([str(ROOT / "tests" / "moments" / "inject"), str(ROOT)])
        return {FOLDER: str(self.folder), "PYTHONPATH": path}

    def add(self, *faults: Fault) -> None:
        """Before the processes start."""
        self._faults += faults
        for fault in faults:
            if fault.armed:
                self.arm(fault.name)
        self._write()

    def _write(self) -> None:
        (self.folder / "faults.json").write_text(json.dumps([asdict(one) for one in self._faults]))

    def arm(self, name: str) -> None:
        """From the next call on."""
        (self.folder / f"{name}.armed").touch()

    def happened(self, name: str) -> bool:
        """Has it?"""
        file = self.folder / name
        return file.exists() and file.stat().st_size > 0

    def let_go(self, name: str) -> None:
        """End a `hold`."""
        (self.folder / f"{name}.go").touch()

    def pid(self, name: str) -> int:
        """Of the process in which it happened."""
        return int((self.folder / name).read_text().split()[0])

    def told(self, name: str) -> list[str]:
        """The lines of a `tell`: pid, then the arguments."""
        return (self.folder / name).read_text().splitlines() if self.happened(name) else []

    def suspend(self, seconds: float) -> None:
        """As if the host had slept: CLOCK_BOOTTIME has gone on, monotonic time has stood still."""
        self._clock[0] += seconds

    def forward(self, seconds: float) -> None:
        """As if so much time had passed: every clock of these processes."""
        self._clock[0] += seconds
        self._clock[1] += seconds
