"""The job that everybody runs: one small write to a file in memory that says when, which job, which process."""

from __future__ import annotations

import os
import struct
import time

RECORD = struct.Struct("<QQQ")
"""Nanoseconds since 1970, the number of the job, the pid that runs it."""
VARIABLE = "BENCH_MARKS"
"""The environment variable that names the file."""

_file: dict[int, int] = {}


def mark(number: int) -> None:
    """Note that job `number` runs now, here. About a microsecond; O_APPEND keeps records whole between processes."""
    pid = os.getpid()
    descriptor = _file.get(pid)
    if descriptor is None:
        # Opened in the process that writes: a template that forks should have no files of its users open.
        descriptor = _file[pid] = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.write(descriptor, RECORD.pack(time.time_ns(), number, pid))


def mark_and_sleep(number: int, seconds: float) -> None:
    """The same, and be busy for a while."""
    mark(number)
    time.sleep(seconds)
