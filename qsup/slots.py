"""Slot locks: byte n of slots.lock is locked by the worker that owns record n of the board, until it dies.

The kernel gives them back at death, by whatever cause, and tells who holds them: they outlive supervisor and template.
They are fcntl locks: closing *any* descriptor of the file drops all of a process's locks on it, so the process that
holds one must not ask for the holder of another.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from pathlib import Path

from qsup.board import CAPACITY
from qsup.errors import AlreadyRunning
from qsup.rundir import RunDirectory

_LINUX = struct.Struct("@hhqqi4x")
_BSD = struct.Struct("@qqihh")


def hold(run: RunDirectory, index: int) -> int:
    """Lock the slot's byte for as long as the returned descriptor is open in this process.

    Raises AlreadyRunning when another process holds it.
    """
    return hold_byte(run.slot_lock, index)


def open_turns(run: RunDirectory) -> int:
    """A descriptor for `turn`, for a process that holds no slot."""
    return os.open(run.slot_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


class turn:  # noqa: N801  a context like those of contextlib, for every job: a generator takes twice as long
    """Worker or courier: only one of them decides at a time whether a job of this slot is begun or taken back.

    Without `wait` the answer is false when the other one is at it.
    """

    __slots__ = ("_byte", "_descriptor", "_ours", "_wait")

    def __init__(self, descriptor: int, index: int, *, wait: bool) -> None:
        self._descriptor, self._byte, self._wait = descriptor, CAPACITY + index, wait
        self._ours = False

    def __enter__(self) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | (0 if self._wait else fcntl.LOCK_NB), 1, self._byte)
            self._ours = True
        except OSError:
            self._ours = False
        return self._ours

    def __exit__(self, *_: object) -> None:
        if self._ours:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, self._byte)


def holder(run: RunDirectory, index: int) -> int | None:
    """The pid of the worker that holds the slot; None when it is free; 0 when it lives in another pid namespace."""
    return byte_holder(run.slot_lock, index)


def hold_byte(path: Path, byte: int) -> int:
    """Lock one byte of any file, made if it is missing. Raises AlreadyRunning."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except OSError:
        os.close(descriptor)
        raise AlreadyRunning(f"byte {byte} of {path} is locked by process {byte_holder(path, byte)}") from None
    return descriptor


def byte_holder(path: Path, byte: int) -> int | None:
    """Who has locked this byte (never the calling process itself). None: nobody, or there is no such file."""
    try:
        # Asking needs no right to write: the file system may have become read-only.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if sys.platform == "linux":
            asked = fcntl.fcntl(descriptor, fcntl.F_GETLK, _LINUX.pack(fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))
            kind, _, _, _, pid = _LINUX.unpack(asked)
        else:
            asked = fcntl.fcntl(descriptor, fcntl.F_GETLK, _BSD.pack(byte, 1, 0, fcntl.F_WRLCK, os.SEEK_SET))
            _, _, pid, kind, _ = _BSD.unpack(asked)
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else max(0, int(pid))
