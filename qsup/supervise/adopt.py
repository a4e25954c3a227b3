"""Workers without a template: those of an earlier supervisor, and those whose template died.

Their slot's lock says that they live, the board says what they do; their deadlines are enforced here.
"""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Iterable, Iterator

from qsup import reaper, slots
from qsup.board import CAPACITY, Board, boot_id, boottime
from qsup.messages import Died
from qsup.rundir import RunDirectory
from qsup.supervise.events import Occupied
from qsup.supervise.model import Slot

LOOK = 0.1
"""Seconds between looks while there are any."""
COURIER_END = 5.0


def take_over(run: RunDirectory) -> tuple[Board, list[Occupied]]:
    """The board, kept if workers of this boot may still use it, and the slots that are locked."""
    for left in run.path.glob("board.new-*"):
        # Of a supervisor that was killed in its first moment.
        left.unlink(missing_ok=True)
    board = _existing_board(run)
    if board is None:
        return Board.create(run.board, uuid.uuid4().hex), []
    occupied = []
    for index in range(CAPACITY):
        pid = slots.holder(run, index)
        record = board.read(index) if pid is not None else None
        if pid is not None and record is not None and record.slot:
            occupied.append(Occupied(record.slot, index, pid))
    return board, occupied


def _existing_board(run: RunDirectory) -> Board | None:
    try:
        board = Board(run.board)
    except (FileNotFoundError, ValueError):
        return None
    return board if board.boot_id == boot_id() and board.supervisor_id else None


def end_old_courier(run: RunDirectory) -> int | None:
    """Kill a courier that an earlier supervisor left behind; workers reconnect to the new one. Its pid, if any."""
    pid = slots.byte_holder(run.courier_lock, 0)
    if not pid:
        return None
    reaper.kill(pid, signal.SIGKILL)
    end = time.monotonic() + COURIER_END
    while slots.byte_holder(run.courier_lock, 0) == pid and time.monotonic() < end:
        time.sleep(0.01)
    return pid


class Orphans:
    """Watches, kills and buries them."""

    def __init__(self, run: RunDirectory, board: Board) -> None:
        self.run, self.board = run, board
        self._causes: dict[int, str] = {}
        self._ended: dict[int, int] = {}

    def kill(self, pid: int, cause: str) -> None:
        """Kill its process group; the cause comes back with its death."""
        self._causes.setdefault(pid, cause)
        reaper.kill_group(pid)

    def reaped(self, pid: int, status: int) -> None:
        """It had become our own child, and is dead."""
        self._ended[pid] = status

    def look(self, live: Iterable[Slot]) -> Iterator[tuple[Slot, Died]]:
        """Enforce deadlines; those whose group is empty now."""
        mine = [slot for slot in live if not slot.template]
        records = [record for slot in mine if (record := self.board.read(slot.index)) is not None]
        pids = {slot.pid for slot in mine}
        for record in reaper.overdue(records, boottime()):
            if record.pid in pids:
                self.kill(record.pid, "timeout")
        for slot in mine:
            if self._gone(slot):
                unseen = "" if slot.pid in self._ended else "lost"
                cause = self._causes.pop(slot.pid, unseen)
                yield slot, Died(slot.name, slot.pid, self._ended.pop(slot.pid, 0), cause)

    def _gone(self, slot: Slot) -> bool:
        # A worker takes the lock as its first act and keeps it until death; one that has not yet taken it has no job.
        if slot.pid not in self._ended and self._holds(slot):
            return False
        reaper.kill_group(slot.pid)
        return reaper.group_is_empty(slot.pid)

    def _holds(self, slot: Slot) -> bool:
        try:
            return slots.holder(self.run, slot.index) == slot.pid
        except OSError:
            # Nobody can tell at the moment.
            return True
