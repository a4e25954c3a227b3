"""What the supervisor knows: values only. `advance` makes the next State, `reconcile` reads it.

"Should be" (`Desired`) and "is" (`Slot`, `Child`) are separate values; everything follows from comparing them.
Times are seconds of the caller's clock, which counts suspend (CLOCK_BOOTTIME).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from qsup.routing import Routing

COURIER = "courier"
DATABASE = "database"
TEMPLATE = "template "
"""Prefix of a template's name: `template 3f2a9c…`, one child per code version."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything that, when changed, means that a worker must be replaced."""

    start: Literal["fork", "exec"]
    memory: int
    max_time: float
    max_jobs: int
    code_version: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One slot that should have a worker."""

    slot: str
    queue: str
    priority: int
    spec: Spec
    patience: float
    """Seconds that a worker told to leave may need: its longest job, the hard end and the margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What should run, of one generation of the file; made by `desired.desire`."""

    generation: int
    routing: Routing = field(repr=False)
    source_hash: str
    code_version: str
    modules: tuple[str, ...]
    """What the template imports before it forks."""
    template: str
    """The name of the template child whose workers these are."""
    slots: Mapping[str, Wanted] = field(repr=False)
    """In starting order: priority, then the file's."""
    scaled: Mapping[str, int] = field(default_factory=dict)
    """Queues that have another number of workers than the file says, by an operator's command."""

    def workers(self, queue: str) -> int:
        """How many workers of its own the queue is to have."""
        return self.scaled.get(queue, self.routing.queues[queue].workers)


@dataclass(frozen=True, slots=True)
class Scale:
    """An operator wants another number of workers than the file, as long as that says one of `made_from`."""

    workers: int
    made_from: tuple[int, ...]


Phase = Literal["empty", "starting", "serving", "leaving", "killed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An address for at most one worker, and the one that is there."""

    name: str
    index: int
    phase: Phase = "empty"
    pid: int = 0
    """0 while empty, and between the order to fork and the template's answer."""
    spec: Spec | None = None
    """None: a worker of an earlier supervisor, it is told to leave."""
    template: str = ""
    """The child that forked it and reaps it; empty when that is gone and the supervisor does it itself."""
    since: float = 0.0
    why: str = ""
    served: bool = False
    crashes: int = 0
    """Deaths soon after the start, in a row."""
    not_before: float = 0.0
    patience: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """Courier, database child or a template."""

    name: str
    phase: Literal["down", "starting", "ready", "stopping"] = "down"
    pid: int = 0
    since: float = 0.0
    heard: float = 0.0
    """When it last said anything; 0 = not yet."""
    crashes: int = 0
    not_before: float = 0.0
    error: str = ""
    """Why its code cannot be used, in the template's words."""

    @property
    def running(self) -> bool:
        """Is there a process?"""
        return self.phase != "down"


Stopping = Literal["", "drain", "now"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that is known now."""

    desired: Desired | None = None
    """What is being served; None until the first template is ready."""
    candidate: Desired | None = None
    """The newest edit, while the template of its code is not ready."""
    slots: Mapping[str, Slot] = field(default_factory=dict)
    children: Mapping[str, Child] = field(default_factory=dict)
    embedded: bool = False
    """The database child is ours to run."""
    address: int = 0
    """Counts the known addresses of the database; 0: not known yet, so the courier must wait."""
    configured: tuple[int, int] | None = None
    """Generation and address that the present courier was given."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """By queue."""
    restarts: Mapping[str, float] = field(default_factory=dict)
    """Queue → the time before which its workers must not have been started."""
    told_paused: bool = False
    paused: bool = False
    stopping: Stopping = ""
    exit_code: int = 0
    looked: float = 0.0
    """When the loop last turned."""

    def child(self, name: str) -> Child:
        """The child of this name, known or not."""
        return self.children.get(name, Child(name=name))

    def with_child(self, child: Child) -> State:
        """The same with this child replaced."""
        return replace(self, children={**self.children, child.name: child})

    def with_slot(self, slot: Slot) -> State:
        """The same with this slot replaced."""
        return replace(self, slots={**self.slots, slot.name: slot})

    @property
    def live(self) -> tuple[Slot, ...]:
        """The slots that are not empty."""
        return tuple(slot for slot in self.slots.values() if slot.phase != "empty")

    @property
    def quiet(self) -> bool:
        """Should the courier claim nothing?"""
        return self.paused or bool(self.stopping)

    @property
    def template(self) -> Child | None:
        """The template of the served code."""
        return None if self.desired is None else self.child(self.desired.template)
