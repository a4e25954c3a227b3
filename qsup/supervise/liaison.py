"""What the courier is told about workers, and what is kept for the next one while there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qsup.board import Board
from qsup.messages import Alive, Configure, Died, Pause, Roster
from qsup.supervise.crew import Crew
from qsup.supervise.model import COURIER, Desired, Slot


class Liaison:
    """Between the supervisor and the courier of the moment."""

    def __init__(self, crew: Crew, board: Board, config_file: str, dsn: str) -> None:
        self.crew, self.board, self.config_file, self.dsn = crew, board, config_file, dsn
        self._rostered = False
        self._unreported: list[Died] = []

    def configure(self, desired: Desired, *, paused: bool, roster: Iterable[Slot] | None) -> None:
        """Tell it what to serve; at first also who lives and who died while nobody listened."""
        routing = {**desired.routing.to_dict(), "database": None}
        told = Configure(desired.generation, routing, self.dsn, self.board.supervisor_id, self.config_file, paused)
        self.crew.send(COURIER, told)
        if roster is None:
            return
        self.crew.send(COURIER, Roster([[slot.name, slot.pid] for slot in roster if slot.pid]))
        self._rostered = True
        for died in self._unreported:
            self.crew.send(COURIER, died)
        self._unreported.clear()

    def pause(self, paused: bool) -> None:
        """Stop or resume claiming."""
        self.crew.send(COURIER, Pause(paused))

    def gone(self) -> None:
        """The courier died; the next one is given a roster."""
        self._rostered = False

    def alive(self, slot: str, pid: int) -> None:
        """A worker exists. Before the roster, which will name it, nothing is said."""
        if self._rostered:
            self.crew.send(COURIER, Alive(slot, pid))

    def died(self, index: int, died: Died) -> Died:
        """A worker is reaped and its group is empty; returned with the job that the board says it was running."""
        record = self.board.read(index)
        if record is not None and record.pid == died.pid and record.state == "busy":
            died = replace(died, job=record.job, claim=record.claim)
        if not (self._rostered and self.crew.send(COURIER, died)):
            self._unreported.append(died)
        return died
