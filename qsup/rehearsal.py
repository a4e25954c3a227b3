"""A worker's life, played through before any is forked: with a courier, a board and a job of its own.

CPython counts references in the objects themselves and rewrites code when it runs first, so a worker's first steps
copy some hundred pages that it shared until then. What was played through before is written less: 3 MiB of 18 workers
by the first three lives, 3 more by the others (docs/adr/0029-fork-the-first-children.md).
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from pathlib import Path

from qsup import slots
from qsup.board import Board
from qsup.channel import encode
from qsup.forksafety import take_signals
from qsup.job import Context, Job
from qsup.messages import Fork, Recorded, Stop, Work
from qsup.rundir import RunDirectory
from qsup.worker import Worker

TIMES = 12
"""CPython rewrites a function when it is called the eighth time. With 3 the 18 workers took 109.5 MiB in all, with 12
106.6, with 24 106.7 (medians of four starts, in turns), and these twelve take 11 ms."""
WORKER = Fork("rehearsal:0", 0, memory=1 << 40, max_time=60.0, max_jobs=0)
WORK = Work(
    1, 1, "Nothing", "rehearsal", f"{__name__}:nothing", "{}", attempt=1, tries=1, crashes=0, timeout=60.0, grace=60.0,
    step="run", number=1,
)  # fmt: skip

LINES = encode(WORK) + encode(Recorded(WORK.id, WORK.claim)) + encode(Stop())
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


class Nothing(Job):
    """Its payload."""


def nothing(job: Nothing, ctx: Context) -> None:
    """Its handler."""


def rehearse() -> None:
    """Run it, and leave signals and descriptors as they were. Raises OSError where there is no room for its files."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    waking = signal.set_wakeup_fd(-1)
    try:
        for _ in range(TIMES):
            with tempfile.TemporaryDirectory() as scratch:
                _rehearse_in(RunDirectory(Path(scratch)))
    finally:
        signal.set_wakeup_fd(waking)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _rehearse_in(run: RunDirectory) -> None:
    take_signals()
    board, turns = Board.create(run.board, "rehearsal"), slots.hold(run, WORKER.index)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(os.fspath(run.path / "courier"))
        listener.listen()
        worker = Worker(WORKER, board, run.path / "courier", turns)
        worker.connect()
        with listener.accept()[0] as courier:
            courier.sendall(LINES)
            worker.run()
    signal.set_wakeup_fd(-1)
    for one in (worker.wakeup, worker._wake, worker.attempts, board):
        one.close()
    os.close(turns)
