"""Handlers that do not end, or take all there is."""

# ruff: noqa: ARG001, S110, SIM105, SIM115  bad on purpose

from __future__ import annotations

import ctypes
import re
import resource
import signal
import threading
import time

import qsup

from .jobs import KEPT, Bad


def block_and_sleep(job: Bad, ctx: qsup.Context) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(600)


def in_c(job: Bad, ctx: qsup.Context) -> None:
    # Holds the interpreter's lock for the whole call: no Python code of this process runs any more.
    ctypes.PyDLL(None).sleep(600)
    while True:
        ctypes.PyDLL(None).sleep(600)


def sum_in_c(job: Bad, ctx: qsup.Context) -> None:
    # No Python code, so no signal handler, comes to its turn before it has an answer.
    sum(range(10**13))


def huge_power(job: Bad, ctx: qsup.Context) -> None:
    print(len(str(7 ** (7**12))))


def regex(job: Bad, ctx: qsup.Context) -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


def swallow_exceptions(job: Bad, ctx: qsup.Context) -> None:
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def swallow_everything(job: Bad, ctx: qsup.Context) -> None:
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass


def swallow_once(job: Bad, ctx: qsup.Context) -> None:
    try:
        time.sleep(600)
    except BaseException:
        pass


def disguise(job: Bad, ctx: qsup.Context) -> None:
    try:
        time.sleep(600)
    except BaseException as error:
        raise ValueError("something else") from error


def eat_fast(job: Bad, ctx: qsup.Context) -> None:
    KEPT.append(b"x" * 400_000_000)
    time.sleep(600)


def eat_slowly(job: Bad, ctx: qsup.Context) -> None:
    while True:
        KEPT.append(b"x" * 5_000_000)
        time.sleep(0.05)


def leak_all(job: Bad, ctx: qsup.Context) -> None:
    while True:
        KEPT.append(open("/dev/null"))


def leak_some(job: Bad, ctx: qsup.Context) -> None:
    for _ in range(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 20):
        KEPT.append(open("/dev/null"))


def fewer_files(job: Bad, ctx: qsup.Context) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    leak_all(job, ctx)


def endless_thread(job: Bad, ctx: qsup.Context) -> None:
    threading.Thread(target=time.sleep, args=(600,), daemon=False).start()
