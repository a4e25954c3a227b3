"""The board as the courier's decisions see it."""

from __future__ import annotations

from qsup import slots
from qsup.board import Board
from qsup.courier.ports import Busy


class Places:
    """The board's records, and the slots' turns."""

    def __init__(self, board: Board, turns: int = -1) -> None:
        self.board = board
        self.turns = turns
        """For qsup.slots.turn; -1 where nothing is ever taken back."""

    def busy(self) -> list[Busy]:
        """Every slot whose record says that a job is being run."""
        records = self.board.records().values()
        return [Busy(one.slot, one.pid, (one.job, one.claim)) for one in records if one.state == "busy"]

    def take_back(self, slot: str, number: int) -> bool:
        """Revoke in the slot's turn: the worker marks a job as begun in its turn, and looks first."""
        index = next((index for index, record in self.board.records().items() if record.slot == slot), None)
        if index is None:
            return False
        with slots.turn(self.turns, index, wait=False) as ours:
            if ours:
                self.board.revoke(index, number)
            return ours
