"""The board: a small memory-mapped file that says what every slot is doing, even when everybody else is dead.

One record per slot, written only by the worker that owns the slot (and once by the supervisor, to name it). Each
record stands twice with a counter and a CRC: a writer overwrites the older copy, a reader takes the newest valid one,
so a kill -9 in the middle of a write costs nothing. Times are CLOCK_BOOTTIME seconds: no clock step moves a deadline.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

CAPACITY = 1024
"""Slots per supervisor."""
HEADER = struct.Struct("<8s36s36sI")
MAGIC = b"qsupbrd1"
COPY = struct.Struct("<QI80s16sIQIIddd")
COPY_SIZE = 192
RECORD_SIZE = 2 * COPY_SIZE
REVOKED = struct.Struct("<Q")
REVOKED_AT = COPY_SIZE - REVOKED.size
"""Behind the first copy; written by the courier, under the slot's turn (qsup.slots.turn), as the worker's `busy` is."""
HEADER_SIZE = 4096


def boottime() -> float:
    """Seconds since boot, suspend included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def boot_id() -> str:
    """Which boot of the kernel this is; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one slot is doing."""

    slot: str
    state: str = "empty"
    """empty, starting, idle, busy, leaving."""
    pid: int = 0
    job: int = 0
    claim: int = 0
    attempt: int = 0
    started: float = 0.0
    """When the job (or, with none, the worker) started."""
    deadline: float = 0.0
    """When the process group is killed; 0 = never."""
    born: float = 0.0
    """When the worker started."""


class Board:
    """The file, mapped. Raises ValueError when an existing file is not a board."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(descriptor, HEADER_SIZE + CAPACITY * RECORD_SIZE)
        except ValueError as error:
            raise ValueError(f"{path} is not a board of this version: {error}") from None
        finally:
            os.close(descriptor)
        magic, boot, supervisor, _ = HEADER.unpack_from(self._map, 0)
        if magic != MAGIC:
            raise ValueError(f"{path} is not a board of this version")
        self.boot_id = boot.rstrip(b"\0").decode()
        self.supervisor_id = supervisor.rstrip(b"\0").decode()

    @staticmethod
    def create(path: Path, supervisor_id: str) -> Board:
        """A new empty board; its space is reserved, so that writing a record can never meet a full disk."""
        fresh = path.with_name(f"{path.name}.new-{os.getpid()}")
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, HEADER_SIZE + CAPACITY * RECORD_SIZE)
            os.pwrite(descriptor, HEADER.pack(MAGIC, boot_id().encode(), supervisor_id.encode(), CAPACITY), 0)
        finally:
            os.close(descriptor)
        fresh.rename(path)
        return Board(path)

    def read(self, index: int) -> Record | None:
        """The record; None when the slot was never named or no copy is valid."""
        copies = [copy for number in (0, 1) if (copy := self._copy(index, number)) is not None]
        return max(copies, key=lambda copy: copy[0])[1] if copies else None

    def write(self, index: int, record: Record) -> None:
        """Replace the record; only its owner may."""
        copies = [self._copy(index, number) for number in (0, 1)]
        counters = [0 if copy is None else copy[0] for copy in copies]
        older = counters.index(min(counters))
        body = COPY.pack(
            max(counters) + 1, 0, record.slot.encode(), record.state.encode(), record.pid, record.job,
            record.claim, record.attempt, record.started, record.deadline, record.born,
        )  # fmt: skip
        checked = body[:8] + struct.pack("<I", zlib.crc32(body[:8] + body[12:])) + body[12:]
        offset = HEADER_SIZE + index * RECORD_SIZE + older * COPY_SIZE
        self._map[offset : offset + COPY.size] = checked

    def revoked(self, index: int) -> int:
        """Jobs that were handed to this slot with a number up to this one and are not begun must not be begun."""
        number: int = REVOKED.unpack_from(self._map, HEADER_SIZE + index * RECORD_SIZE + REVOKED_AT)[0]
        return number

    def revoke(self, index: int, number: int) -> None:
        """Take back what is not begun of the jobs with numbers up to this one."""
        REVOKED.pack_into(self._map, HEADER_SIZE + index * RECORD_SIZE + REVOKED_AT, number)

    def records(self) -> dict[int, Record]:
        """All named slots by index."""
        return {index: record for index in range(CAPACITY) if (record := self.read(index)) is not None}

    def _copy(self, index: int, number: int) -> tuple[int, Record] | None:
        offset = HEADER_SIZE + index * RECORD_SIZE + number * COPY_SIZE
        raw = self._map[offset : offset + COPY.size]
        counter, crc, slot, state, *numbers = COPY.unpack(raw)
        if counter == 0 or crc != zlib.crc32(raw[:8] + raw[12:]):
            return None
        pid, job, claim, attempt, started, deadline, born = numbers
        return counter, Record(
            slot=slot.rstrip(b"\0").decode(), state=state.rstrip(b"\0").decode(), pid=pid, job=job,
            claim=claim, attempt=attempt, started=started, deadline=deadline, born=born,
        )  # fmt: skip
