"""The board: a small file that says what every slot is doing, even when everybody else is dead.

One record per slot, written only by the worker that owns the slot (and once by the supervisor, to name it). Each
record stands twice with a counter and a CRC: a writer overwrites the older copy, a reader takes the newest valid one,
so a kill -9 in the middle of a write costs nothing. Times are CLOCK_BOOTTIME seconds: no clock step moves a deadline.

Read and written by pread and pwrite, not mapped: a mapped file that somebody truncates kills whoever looks at it.
"""

from __future__ import annotations

import os
import struct
import time
import weakref
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
CAPACITY = 1024
"""Slots per supervisor."""
HEADER = struct.Struct("<8s36s36sI")
MAGIC = b"qsupbrd1"
COPY = struct.Struct("<QI80s16sIQIIddd")
CRC = struct.Struct("<I")
CRC_AT = 8
COPY_SIZE = 192
RECORD_SIZE = 2 * COPY_SIZE
REVOKED = struct.Struct("<QI")
REVOKED_AT = COPY_SIZE - REVOKED.size
"""Behind the first copy; written by the courier, under the slot's turn (qsup.slots.turn), as the worker's `busy` is."""
HEADER_SIZE = 4096
SIZE = HEADER_SIZE + CAPACITY * RECORD_SIZE
UNNAMED = bytes(RECORD_SIZE)


def boottime() -> float:
    """Seconds since boot, suspend included (where the system has a clock for that)."""
    return time.clock_gettime(CLOCK)


def boot_id() -> str:
    """Which boot of the kernel this is; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@dataclass(slots=True, kw_only=True)
class Record:
    """What one slot is doing. Not frozen: a worker makes two for every job, and frozen ones cost four times as much."""

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
    """The open file. Raises ValueError when an existing file is not a board."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._header = os.pread(self.descriptor, HEADER.size, 0)
        if len(self._header) < HEADER.size or not self._header.startswith(MAGIC):
            os.close(self.descriptor)
            raise ValueError(f"{path} is not a board of this version")
        self._close = weakref.finalize(self, os.close, self.descriptor)
        self._seen: dict[int, tuple[bytes, Record | None]] = {}
        self._written: dict[int, tuple[int, int]] = {}
        self._body = memoryview(bytearray(COPY.size))
        self._before, self._behind = self._body[:CRC_AT], self._body[CRC_AT + CRC.size :]
        _, boot, supervisor, _ = HEADER.unpack(self._header)
        self.boot_id = boot.rstrip(b"\0").decode()
        self.supervisor_id = supervisor.rstrip(b"\0").decode()

    @staticmethod
    def create(path: Path, supervisor_id: str) -> Board:
        """A new empty board; its space is reserved, so that writing a record can never meet a full disk."""
        fresh = path.with_name(f"{path.name}.new-{os.getpid()}")
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
            os.pwrite(descriptor, HEADER.pack(MAGIC, boot_id().encode(), supervisor_id.encode(), CAPACITY), 0)
            fresh.rename(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return Board(path)

    def reopen(self) -> None:
        """Somebody has closed our descriptor, and its number may be another file's by now."""
        self._close.detach()
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        self._close = weakref.finalize(self, os.close, self.descriptor)

    def close(self) -> None:
        """Close the file; otherwise it is closed with the last reference to this object."""
        self._close()

    def mend(self) -> bool:
        """Give a file that was cut off or overwritten its size and header back; false when nothing was wrong.

        What records lose by it their workers write again with their next job. Raises OSError on a full disk.
        """
        whole = os.fstat(self.descriptor).st_size >= SIZE
        if whole and os.pread(self.descriptor, HEADER.size, 0) == self._header:
            return False
        os.posix_fallocate(self.descriptor, 0, SIZE)
        os.pwrite(self.descriptor, self._header, 0)
        return True

    def read(self, index: int) -> Record | None:
        """The record; None when the slot was never named or no copy is valid."""
        return _newest(self._raw(index))

    def read_some(self, indexes: Iterable[int]) -> list[Record | None]:
        """The same of several; what has not changed since the last time is not taken apart again."""
        found = []
        for index in indexes:
            raw = self._raw(index)
            before = self._seen.get(index)
            if before is None or before[0] != raw:
                before = self._seen[index] = raw, _newest(raw)
            found.append(before[1])
        return found

    def write(self, index: int, record: Record) -> None:
        """Replace the record; only its owner may."""
        counter, older = self._next(index)
        COPY.pack_into(
            self._body, 0, counter, 0, record.slot.encode(), record.state.encode(), record.pid, record.job,
            record.claim, record.attempt, record.started, record.deadline, record.born,
        )  # fmt: skip
        CRC.pack_into(self._body, CRC_AT, zlib.crc32(self._behind, zlib.crc32(self._before)))
        os.pwrite(self.descriptor, self._body, HEADER_SIZE + index * RECORD_SIZE + older * COPY_SIZE)
        self._written[index] = counter, older

    def _next(self, index: int) -> tuple[int, int]:
        # Counter and copy of the next write. Nobody else writes the record of a slot that is ours: looked at once.
        if (last := self._written.get(index)) is not None:
            return last[0] + 1, 1 - last[1]
        raw = self._raw(index)
        copies = [_copy(raw, number) for number in (0, 1)]
        counters = [0 if copy is None else copy[0] for copy in copies]
        return max(counters) + 1, counters.index(min(counters))

    def revoked(self, index: int) -> int:
        """Jobs that were handed to this slot with a number up to this one and are not begun must not be begun."""
        found = os.pread(self.descriptor, REVOKED.size, HEADER_SIZE + index * RECORD_SIZE + REVOKED_AT)
        if len(found) < REVOKED.size:
            return 0
        number, crc = REVOKED.unpack(found)
        # Garbage taken for a number would let the worker begin nothing any more.
        return int(number) if crc == zlib.crc32(found[:8]) else 0

    def revoke(self, index: int, number: int) -> None:
        """Take back what is not begun of the jobs with numbers up to this one."""
        packed = REVOKED.pack(number, zlib.crc32(struct.pack("<Q", number)))
        os.pwrite(self.descriptor, packed, HEADER_SIZE + index * RECORD_SIZE + REVOKED_AT)

    def records(self) -> dict[int, Record]:
        """All named slots by index."""
        raw = os.pread(self.descriptor, CAPACITY * RECORD_SIZE, HEADER_SIZE)
        pieces = ((index, raw[index * RECORD_SIZE : (index + 1) * RECORD_SIZE]) for index in range(CAPACITY))
        return {index: record for index, piece in pieces if piece != UNNAMED and (record := _newest(piece)) is not None}

    def _raw(self, index: int) -> bytes:
        return os.pread(self.descriptor, RECORD_SIZE, HEADER_SIZE + index * RECORD_SIZE)


def _newest(raw: bytes) -> Record | None:
    copies = [copy for number in (0, 1) if (copy := _copy(raw, number)) is not None]
    return max(copies, key=lambda copy: copy[0])[1] if copies else None


def _copy(raw: bytes, number: int) -> tuple[int, Record] | None:
    raw = raw[number * COPY_SIZE : number * COPY_SIZE + COPY.size]
    if len(raw) < COPY.size:
        return None
    counter, crc, slot, state, *numbers = COPY.unpack(raw)
    if counter == 0 or crc != zlib.crc32(raw[CRC_AT + CRC.size :], zlib.crc32(raw[:CRC_AT])):
        return None
    pid, job, claim, attempt, started, deadline, born = numbers
    return counter, Record(
        slot=slot.rstrip(b"\0").decode(), state=state.rstrip(b"\0").decode(), pid=pid, job=job,
        claim=claim, attempt=attempt, started=started, deadline=deadline, born=born,
    )  # fmt: skip
