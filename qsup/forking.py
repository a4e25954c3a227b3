"""Forking a worker: it can be told to leave from its first moment on, and what its parent owes it."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from qsup import reaper
from qsup.channel import encode
from qsup.messages import Fork
from qsup.rundir import RunDirectory

Begin = Callable[[Fork, int], int]
"""A worker's life in the forked child, with the descriptor for its byte when it is ready; the exit code."""


@dataclass(frozen=True, slots=True)
class Child:
    """A worker that has been forked."""

    pid: int
    ready: int
    """Where its byte arrives."""


def fork_worker(fork: Fork, begin: Begin) -> Child | OSError:
    """Fork it; the error when the system has no process or descriptor for it. `settle` is to follow."""
    try:
        readable, writable = os.pipe()
    except OSError as error:
        return error
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pid = _fork_unsignalled()
    except OSError as error:
        os.close(readable)
        os.close(writable)
        return error
    if pid == 0:
        os.close(readable)
        end_with(lambda: begin(fork, writable))
    os.close(writable)
    return Child(pid, readable)


def settle(child: Child) -> None:
    """What its parent has to do for it."""
    os.set_blocking(child.ready, False)
    # Refused when the child was quicker and has become another program, or has died already.
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(child.pid, child.pid)
    # Here, not in the child: what that touches for it would be pages of its own.
    reaper.first_to_go(child.pid)


def end_with(life: Callable[[], int]) -> NoReturn:
    """In a forked child: live, and end with this exit code; nothing of its parent's is returned to."""
    code = 1
    try:
        code = life()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def exec_worker(fork: Fork, ready: int, run: RunDirectory, root: Path) -> NoReturn:
    """In the child: become a fresh interpreter, which imports the handlers of `root` itself."""
    os.set_inheritable(ready, True)
    path = os.pathsep.join(part for part in (str(root), os.environ.get("PYTHONPATH", "")) if part)
    told = {
        "QSUP_FORK": encode(fork).decode().rstrip(),
        "QSUP_READY": str(ready),
        "QSUP_RUN": str(run.path),
        "PYTHONPATH": path,
    }
    os.execve(sys.executable, called(fork), {**os.environ, **told})  # noqa: S606  our own interpreter, no shell


def called(fork: Fork) -> list[str]:
    """The command line of a worker."""
    return [sys.executable, "-m", "qsup.worker", fork.slot]


def _fork_unsignalled() -> int:
    # With TERM held back in the child until `take_signals()`: it ignores TERM as the template does. One that came
    # before it has put that right would be lost, and a template that ends would wait for this worker for ever; a
    # blocked signal is only late.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return pid
