"""What can happen to the supervisor: one small class each; `advance` knows them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qsup.supervise.model import Desired, Scale
from qsup.supervise.plan import Action


@dataclass(frozen=True, slots=True)
class Tick:
    """The loop turned."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The file was read and is valid."""

    desired: Desired


@dataclass(frozen=True, slots=True)
class Heard:
    """A child said something; `ready` when it was that work can begin."""

    child: str
    ready: bool = False


@dataclass(frozen=True, slots=True)
class CodeBroken:
    """A template cannot import its code, or the code cannot be forked."""

    child: str
    error: str
    chance: float


@dataclass(frozen=True, slots=True)
class ChildDied:
    """Courier, database child or template ended. `chance`: a random number in [0, 1)."""

    child: str
    pid: int
    chance: float


@dataclass(frozen=True, slots=True)
class Forked:
    """The worker exists."""

    slot: str
    pid: int


@dataclass(frozen=True, slots=True)
class Serving:
    """The worker has reached its loop."""

    slot: str
    pid: int


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """The worker is reaped and its process group is empty."""

    slot: str
    pid: int
    status: int
    """Negative: the signal."""
    cause: str
    chance: float
    in_job: bool = False
    """It was in the middle of one: then no exit code is a good one."""


@dataclass(frozen=True, slots=True)
class Occupied:
    """The slot's lock is held by a worker that is not of a living template of ours."""

    slot: str
    index: int
    pid: int


@dataclass(frozen=True, slots=True)
class DatabaseAt:
    """The address of the database is known, or is another one now."""


@dataclass(frozen=True, slots=True)
class Fatal:
    """Going on makes no sense; the workers finish and the supervisor ends with `exit_code`."""

    exit_code: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """TERM, INT (`now` false), QUIT or a second TERM."""

    now: bool


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """USR2, TSTP, CONT."""

    paused: bool


@dataclass(frozen=True, slots=True)
class RestartAsked:
    """The workers of these queues that were started before `at` are to be replaced."""

    queues: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Scaled:
    """All the numbers of workers that operators want instead of the file's, by queue."""

    scales: Mapping[str, Scale]


@dataclass(frozen=True, slots=True)
class Taken:
    """An action of the plan was carried out; `pid` of the child that it started."""

    action: Action
    pid: int = 0


Event = (
    Tick
    | Loaded
    | Heard
    | CodeBroken
    | ChildDied
    | Forked
    | Serving
    | WorkerDied
    | Occupied
    | DatabaseAt
    | Fatal
    | StopAsked
    | PauseAsked
    | RestartAsked
    | Scaled
    | Taken
)
