"""Lines for the operator. A terminal that takes nothing must not stop the supervisor: lines are dropped then."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

from qsup.routing import Routing
from qsup.supervise.model import Desired, State
from qsup.version import __version__

LONGEST = 3500
"""Bytes per write: poll() promises room for a page in a pipe."""


class Voice:
    """Writes to a descriptor, standard output by default."""

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = sys.stdout.fileno() if descriptor is None else descriptor
        self.dropped = 0

    def say(self, text: str) -> None:
        """Print the lines of `text`, if somebody reads."""
        for line in text.splitlines():
            if self.dropped and self._write(f"qsup  ({self.dropped} lines were dropped: nobody read them)"):
                self.dropped = 0
            if not self._write(f"qsup  {line}"):
                self.dropped += 1

    def _write(self, line: str) -> bool:
        poll = select.poll()
        poll.register(self.descriptor, select.POLLOUT)
        events = poll.poll(0)
        if not events or not events[0][1] & select.POLLOUT:
            return False
        try:
            os.write(self.descriptor, line.encode(errors="replace")[:LONGEST] + b"\n")
        except OSError:
            return False
        return True


def told(state: State) -> Iterator[str]:
    """What every process is doing, a line each."""
    for child in state.children.values():
        yield f"{child.name}: {child.phase}, pid {child.pid or '-'}"
    for slot in state.slots.values():
        yield f"{slot.name}: {slot.phase}, pid {slot.pid or '-'}{', ' if slot.why else ''}{slot.why}"


def ended_scales(before: Desired | None, after: Desired) -> Iterator[str]:
    """Operators' numbers of workers that an edit of the file ends."""
    for queue, workers in ({} if before is None else before.scaled).items():
        if queue not in after.scaled:
            said = after.routing.queues.get(queue)
            now = f"the file says {said.workers} now" if said else "the file has it no more"
            yield f"queue {queue}: the scale of {workers} ends, {now}"


def welcome(file: Path, database: str, routing: Routing) -> str:
    """What a person wants to know at the start."""
    served = [f"{queue.name} {queue.workers}" for queue in routing.queues.values() if queue.workers]
    others = [f"{queue.name} (by {queue.workers_of})" for queue in routing.queues.values() if queue.workers_of]
    workers = sum(queue.workers for queue in routing.queues.values())
    job = next(iter(routing.routes), "JOB")
    return "\n".join(
        (
            f"qsup {__version__} runs, pid {os.getpid()}",
            f"  file      {file}; save it to change anything",
            f"  database  {database}",
            f"  queues    {len(routing.queues)}, workers {workers}: {', '.join([*served, *others])}",
            f"  dispatch  qsup dispatch {job} '{{…}}', or {job}(…).dispatch() in Python",
            "  stop      Ctrl-C or TERM: running jobs finish; twice: at once, they go back to their queues",
        )
    )
