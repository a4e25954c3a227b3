"""Everything that the supervisor can do to the world: one small class per action, each with its reason.

The text of a plan is what `qsup plan` shows, what `qsup run` prints, and what the golden tests compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import assert_never

from qsup.supervise.model import Spec


@dataclass(frozen=True, slots=True)
class StartChild:
    """Exec the courier, the database child or a template."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class StopChild:
    """Tell it to end."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class KillChild:
    """kill -9; it is started again when it has been reaped."""

    name: str
    pid: int
    why: str


@dataclass(frozen=True, slots=True)
class StartWorker:
    """Tell the template to fork a worker for the slot."""

    slot: str
    index: int
    template: str
    spec: Spec
    patience: float
    why: str


@dataclass(frozen=True, slots=True)
class StopWorker:
    """TERM: the worker finishes its job and leaves."""

    slot: str
    pid: int
    why: str


@dataclass(frozen=True, slots=True)
class KillWorker:
    """kill -9 of its process group. `cause` comes back with its death."""

    slot: str
    pid: int
    cause: str
    why: str


@dataclass(frozen=True, slots=True)
class ConfigureCourier:
    """Give the courier the routing and the database; with `roster`, also who lives."""

    generation: int
    address: int
    paused: bool
    roster: bool
    why: str


@dataclass(frozen=True, slots=True)
class PauseCourier:
    """Stop or resume claiming."""

    paused: bool
    why: str


@dataclass(frozen=True, slots=True)
class Exit:
    """Nothing is left running."""

    code: int
    why: str


Action = (
    StartChild | StopChild | KillChild | StartWorker | StopWorker | KillWorker | ConfigureCourier | PauseCourier | Exit
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done now, in this order, and when to look again if nothing happens before."""

    actions: tuple[Action, ...]
    look_again: float | None
    """A time of the caller's clock; None: only when something happens."""

    @property
    def text(self) -> str:
        """One line per action and reason; workers with the same reason share a line."""
        return "\n".join(lines(self.actions)) or "nothing to do"


def lines(actions: Iterable[Action]) -> list[str]:
    """The actions as text, neighbours with the same verb and reason on one line."""
    described = [(*_words(action), action.why) for action in actions]
    grouped = groupby(described, key=lambda words: (words[0], words[2]))
    return [f"{verb} {', '.join(what for _, what, _ in group)}: {why}" for (verb, why), group in grouped]


def _words(action: Action) -> tuple[str, str]:
    match action:
        case StartChild(name=name):
            return "start", name
        case StopChild(name=name):
            return "stop", name
        case KillChild(name=name, pid=pid):
            return "kill", f"{name} (pid {pid})"
        case StartWorker(slot=slot):
            return "start worker", slot
        case StopWorker(slot=slot, pid=pid):
            return "drain worker", f"{slot} (pid {pid})"
        case KillWorker(slot=slot, pid=pid):
            return "kill worker", f"{slot} (pid {pid})"
        case ConfigureCourier(generation=generation):
            return "configure courier", f"generation {generation}"
        case PauseCourier(paused=paused):
            return ("pause", "claiming") if paused else ("resume", "claiming")
        case Exit(code=code):
            return "exit", str(code)
        case _:
            assert_never(action)
