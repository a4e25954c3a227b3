"""Operators' commands on their way from the courier's house to the supervisor (or the solo parent), and its answers.

A command may be sent more than once: after the courier or the supervisor died in the middle. So an order says what
should be so (every worker younger than the command; these scales; that run ended), never "once more".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qsup.messages import Message

QUEUE_VERBS = ("pause", "resume", "restart", "scale")
"""Answered by every supervisor that serves the queue."""
JOB_VERBS = ("cancel", "release")
"""Pursued until the job is out, whoever has it at that moment."""
CAUSES = {"cancel": "cancelled", "release": "released"}
"""Job verb → the cause that comes back with the worker's death."""


@dataclass(frozen=True, slots=True)
class Order(Message):
    """courier → supervisor: see that this is so."""

    command: int
    """The row of qsup.commands; 0: nobody waits for an answer."""
    verb: str
    """`restart`, `scale`, `cancel` or `release`."""
    subject: str = ""
    """A queue (empty: all), or a job's id."""
    who: str = ""
    age: float = 0.0
    """Seconds since the command was given."""
    slot: str = ""
    """The slot that has the job to end, and under which claim."""
    job: int = 0
    claim: int = 0
    scales: dict[str, Any] = field(default_factory=dict)
    """With `scale`: all of them that there are, queue → [workers, [numbers of the file that it was made from]]."""


@dataclass(frozen=True, slots=True)
class Obeyed(Message):
    """supervisor → courier: what came of an order. `taken`: under way; `done` and `refused` are last words."""

    command: int
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Missed(Message):
    """template → supervisor: the worker is not at the job that it was to be killed in; nothing was done."""

    slot: str
    pid: int
    job: int
    claim: int


def reason(order: Order) -> str:
    """For the job's story: `cancelled by ann@host (command 17)`."""
    return f"{CAUSES[order.verb]} by {order.who} (command {order.command})"
