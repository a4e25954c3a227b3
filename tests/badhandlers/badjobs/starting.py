"""Handlers that start processes, or take those and the descriptors of their worker."""

# ruff: noqa: ARG001  bad on purpose

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import time
from typing import Any

import qsup

from .hanging import swallow_everything
from .jobs import KEPT, Bad, say


def sleeper(job: Bad, **how: Any) -> None:
    child = subprocess.Popen(["sleep", "600"], **how)
    say(job, f"child {child.pid}")


def child_and_hang(job: Bad, ctx: qsup.Context) -> None:
    sleeper(job)
    swallow_everything(job, ctx)


def child_and_end(job: Bad, ctx: qsup.Context) -> None:
    sleeper(job)


def child_and_raise(job: Bad, ctx: qsup.Context) -> None:
    with open(job.path) as file:
        earlier = [line.split()[1] for line in file if line.startswith("child")]
    for pid in earlier:
        if os.path.exists(f"/proc/{pid}"):
            say(job, f"beside {pid}")
    sleeper(job)
    sleeper(job, start_new_session=True)
    daemon(job)
    raise ValueError("no")


def child_and_exit(job: Bad, ctx: qsup.Context) -> None:
    sleeper(job, start_new_session=True)
    daemon(job)
    os._exit(3)


def daemon_and_hang(job: Bad, ctx: qsup.Context) -> None:
    daemon(job)
    swallow_everything(job, ctx)


def daemon_and_end(job: Bad, ctx: qsup.Context) -> None:
    daemon(job)


def daemon(job: Bad) -> None:
    """Forked twice, in a session of its own; here as soon as it has told of itself."""
    told, telling = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            say(job, f"child {os.getpid()}")
            os.close(telling)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
    os.wait()
    os.close(telling)
    # A handler that fails at once takes it along, and may do so before it has said a word.
    os.read(told, 1)
    os.close(told)


def fork_and_return(job: Bad, ctx: qsup.Context) -> None:
    if os.fork() == 0:
        say(job, f"child {os.getpid()}")


def fork_and_raise(job: Bad, ctx: qsup.Context) -> None:
    if os.fork() == 0:
        say(job, f"child {os.getpid()}")
        raise SystemExit(3)
    time.sleep(0.3)


def processes(job: Bad, ctx: qsup.Context) -> None:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    child.start()
    say(job, f"child {child.pid}")


def leave_the_group(job: Bad, ctx: qsup.Context) -> None:
    os.setpgid(0, os.getpgid(os.getppid()))
    swallow_everything(job, ctx)


def close_all(job: Bad, ctx: qsup.Context) -> None:
    os.closerange(3, 1000)


def close_and_reuse(job: Bad, ctx: qsup.Context) -> None:
    os.closerange(3, 1000)
    # Sockets that take whatever the worker would write into its own.
    KEPT.extend(socket.socketpair() for _ in range(30))
