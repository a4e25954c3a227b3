"""The rehearsal leaves nothing behind, and what a forked worker looks at again is all that it has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from qsup.rehearsal import TIMES

HERE = str(Path.cwd())

LOOK = """
import os, signal, sys, tempfile
from qsup import rehearsal

def state():
    handlers = [signal.getsignal(one) for one in rehearsal.SIGNALS]
    return os.listdir("/proc/self/fd"), handlers, os.listdir(tempfile.gettempdir())

ran = []

def noting(job: rehearsal.Nothing, ctx) -> None:
    ran.append(ctx.slot)

rehearsal.nothing = noting
signal.signal(signal.SIGTERM, signal.SIG_IGN)
awake = os.pipe()[1]
os.set_blocking(awake, False)
signal.set_wakeup_fd(awake)
before = state()
rehearsal.rehearse()
assert state() == before, (before, state())
assert signal.set_wakeup_fd(-1) == awake
print(ran)
"""


def test_it_runs_its_job_and_leaves_signals_descriptors_and_files_as_they_were(tmp_path: Path) -> None:
    told = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, cwd=HERE, env=told, check=False)
    assert done.stderr == ""
    assert done.stdout == f"{['rehearsal:0'] * TIMES}\n"


CHANGED = """
import os, signal, socket, sys
from qsup.attempt import Attempts
from qsup.forksafety import take_signals
from qsup.lines import LineWriter

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
attempts = Attempts()
if (pid := os.fork()) == 0:
    os.setpgid(0, 0)
    take_signals()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.stdout = LineWriter(1, "q:0")
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)
    surroundings = attempts._surroundings
    strange = surroundings._untouched()
    attempts.begin("q:0", print)
    os._exit(0 if not strange and surroundings._untouched() and not surroundings.restore() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_what_a_worker_sets_after_the_fork_is_what_its_jobs_find() -> None:
    done = subprocess.run([sys.executable, "-c", CHANGED], capture_output=True, text=True, cwd=HERE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
