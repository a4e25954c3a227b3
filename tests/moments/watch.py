"""Watches that no slot is ever doubled: the slots' locks, the processes that took them, and what handlers wrote."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from qsup import slots
from tests.moments.faults import Fault
from tests.moments.host import Host

HELD = Fault(name="held", process="qsup.template", at="qsup.slots:hold", do="tell", after=True)
"""Must be added before the host starts: each worker tells which slot it has taken."""


class Watch:
    """`with Watch(host) as watch: …`; looks all the time, and says at the end what it saw."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.doubled: set[str] = set()
        self.looks = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.002):
            self.look()

    def look(self) -> None:
        """Every living process that has taken a slot must be the only one, and hold its lock."""
        self.looks += 1
        by_slot: dict[int, list[int]] = {}
        for line in self.host.faults.told("held"):
            # A template that is started by exec rehearses elsewhere first.
            if str(self.host.run.path) in line and (found := re.match(r"(\d+) .*, (\d+)\){} -> \d+", line)):
                by_slot.setdefault(int(found[2]), []).append(int(found[1]))
        for index, pids in by_slot.items():
            holder = slots.holder(self.host.run, index)
            wrong = [pid for pid in pids if pid != holder and lives(pid) and slots.holder(self.host.run, index) != pid]
            wrong = [pid for pid in wrong if lives(pid)]
            if wrong:
                self.doubled.add(f"slot {index} is held by {holder}, and {wrong} live on it too")


EXITING = 0x4
"""The kernel's flag of a process on its way out: it has given its locks back and runs no code of ours any more."""


def lives(pid: int) -> bool:
    """Is there such a process, and not only what is left of it?"""
    try:
        state, *_, flags = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:7]
    except OSError:
        return False
    return state not in "ZX" and not int(flags) & EXITING


def overlaps(host: Host) -> list[str]:
    """Jobs that began in a slot before the one before had ended there; for tests that kill no worker."""
    busy: dict[str, str] = {}
    found = []
    for line in host.diary():
        kind, text, *_, slot = line.split()
        if kind == "begin":
            found += [f"{text} began in {slot} before {busy[slot]} ended"] if slot in busy else []
            busy[slot] = text
        elif kind == "end":
            busy.pop(slot, None)
    return found
