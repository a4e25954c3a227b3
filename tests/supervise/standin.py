"""A template process for tests: forks real workers that live as told by a file per slot, instead of by a courier."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial

from qsup import messages, slots
from qsup.board import Board, Record, boottime
from qsup.channel import inherited
from qsup.rundir import RunDirectory
from qsup.template import Template


def work(run: RunDirectory, fork: messages.Fork, ready: int) -> int:
    """Take the slot, say so, and do what the file `<slot>.does` of the run directory says."""
    slots.hold(run, fork.index)
    board = Board(run.board)
    leave = []
    signal.signal(signal.SIGTERM, lambda *_: leave.append(True))
    does = (run.path / f"{fork.slot}.does").read_text().split()
    deadline = boottime() + 0.2 if "deadline" in does else 0.0
    if "grandchild" in does:
        grandchild = subprocess.Popen(["sleep", "600"])
        (run.path / f"{fork.slot}.grandchild").write_text(str(grandchild.pid))
    board.write(fork.index, Record(slot=fork.slot, state="busy", pid=os.getpid(), job=7, claim=3, deadline=deadline))
    if "memory" in does:
        filled = b"x" * (3 * fork.memory)
        assert filled
    os.write(ready, b"!")
    (run.path / f"{fork.slot}.serving").write_text(str(os.getpid()))
    if "exit" in does:
        return int(does[1])
    while not leave:
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(Template(inherited(), lambda run: partial(work, run)).serve())
