"""Handlers that change their worker, and the one that looks at what the next job finds."""

# ruff: noqa: ARG001, SIM115  bad on purpose

from __future__ import annotations

import decimal
import json
import locale
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable

import qsup

from .jobs import Bad, Look


def look(job: Look, ctx: qsup.Context) -> None:
    """What is a job's business to find as it was."""
    found = {
        "pid": os.getpid(),
        "cwd": os.getcwd(),
        "term": signal.getsignal(signal.SIGTERM) is signal.SIG_IGN,
        "chld": str(signal.getsignal(signal.SIGCHLD)),
        "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "timers": [signal.getitimer(one) for one in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)],
        "stdout": type(sys.stdout).__name__,
        "stderr": type(sys.stderr).__name__,
        "descriptors": [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)],
        "environment": {name: value for name, value in os.environ.items() if name in ("HOME", "MISERY", "TZ")},
        "locale": locale.setlocale(locale.LC_ALL),
        "path": sys.path,
        "recursion": sys.getrecursionlimit(),
        "timeout": socket.getdefaulttimeout(),
        "precision": decimal.getcontext().prec,
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
    }
    before = os.umask(0o022)
    os.umask(before)
    found["umask"] = before
    with open(job.path, "w") as file:
        json.dump(found, file)


def another_environment() -> None:
    os.environ.clear()
    os.environ.update({"MISERY": "yes", "TZ": "Asia/Tokyo"})


def import_late() -> None:
    # Its lines run once in a process.
    from . import latecomer

    assert latecomer


def to_deleted_directory() -> None:
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")


CHANGES: dict[str, Callable[[], object]] = {
    "directory": lambda: os.chdir("/"),
    "deleted directory": to_deleted_directory,
    "umask": lambda: os.umask(0o777),
    "SIGALRM ignored": lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN),
    "SIGCHLD ignored": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    "signals blocked": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()),
    "signals' descriptor": lambda: signal.set_wakeup_fd(-1),
    "alarm": lambda: signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0),
    "virtual alarm": lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 100.0, 0.01),
    "stdout": lambda: setattr(sys, "stdout", None),
    "stderr": lambda: setattr(sys, "stderr", open("/dev/full", "w", buffering=1)),
    "stdout closed": lambda: sys.stdout.close(),
    "descriptors 0 to 2": lambda: os.closerange(0, 3),
    "descriptors 0 to 2 of others": lambda: [os.dup2(os.open("/dev/full", os.O_RDWR), number) for number in (0, 1, 2)],
    "environment": another_environment,
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C"),
    "path": lambda: sys.path.clear(),
    "another path": lambda: setattr(sys, "path", []),
    "recursion": lambda: sys.setrecursionlimit(200),
    "timeout": lambda: socket.setdefaulttimeout(0.001),
    "precision": lambda: setattr(decimal.getcontext(), "prec", 3),
    "soft limit": lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    ),
}


HARD_CHANGES: dict[str, Callable[[], object]] = {
    "SIGTERM ignored": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "hard limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)),
    "priority": lambda: os.nice(5),
}
"""What a worker without privileges cannot put back, or must not go on after."""


def changing(what: Callable[[], object]) -> Callable[[Bad, qsup.Context], object]:
    """A handler that changes this."""
    return lambda _job, _ctx: what()
