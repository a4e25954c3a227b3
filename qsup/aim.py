"""Killing a worker in one job and in no other.

A worker marks a job as begun on the board in its slot's turn (qsup.slots.turn). Whoever holds that turn and reads there
that the worker is at this job under this claim may kill it: it can finish the job meanwhile, but not begin another.
"""

from __future__ import annotations

from dataclasses import dataclass

from qsup import reaper, slots
from qsup.board import Board


@dataclass(frozen=True, slots=True)
class Target:
    """A worker in a job."""

    index: int
    pid: int
    job: int
    claim: int


def is_at(board: Board, target: Target) -> bool:
    """Whether the board says so at this moment."""
    record = board.read(target.index)
    if record is None or record.state != "busy":
        return False
    return (record.pid, record.job, record.claim) == (target.pid, target.job, target.claim)


def kill_in(turns: int, board: Board, target: Target) -> bool | None:
    """Kill its process group if it is at this job; None when that cannot be decided now: ask again in a moment."""
    with slots.turn(turns, target.index, wait=False) as ours:
        if not ours:
            return None
        if not is_at(board, target):
            return False
        reaper.kill_group(target.pid)
        return True
