"""What was found about one job, at one moment: plain values, nothing decided. Times are in the reader's time zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Its row in qsup.jobs; the fields are the columns of why_job.sql."""

    id: int
    queue: str
    job: str
    state: str
    step: str
    attempts: int
    crashes: int
    claim: int
    seq: int
    available_at: datetime
    reserved_at: datetime | None
    lease_until: datetime | None
    lease_over: bool | None
    due_in: float
    """Seconds; negative when its time has come."""
    supervisor: str
    slot: str
    ready: bool
    """The claim's own condition, as `unpaused` is."""
    unpaused: bool
    workers: int
    retired_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    tries: int | None
    held_by: int | None
    """The pid of another transaction of PostgreSQL that holds the row."""
    holder: str | None
    held_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A slot at work, and the job that it took first."""

    supervisor: str
    slot: str
    id: int
    job: str
    queue: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A process that has signed on, as far as the job's queue is concerned."""

    id: str
    host: str
    pid: int
    file: str
    beat_at: datetime
    silent_s: float
    alive: bool
    hears: bool
    declared: int | None
    """Workers that its file gives the queue; None: it does not declare it."""
    routes: bool
    """Whether its file routes the job's class."""
    pool: str
    """The queue whose workers serve the job's: often itself."""
    workers: int
    """Workers that may take the job."""
    first: tuple[str, ...]
    """Queues that these workers serve before the job's."""
    busy: tuple[Busy, ...]
    """Those of them that are at work."""
    halted: str = ""
    """Why it claims nothing, where that is known (only of the supervisor of this project)."""

    @property
    def free(self) -> int:
        """Workers that could take a job now."""
        return 0 if self.halted else max(0, self.workers - len(self.busy))

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.file} on {self.host} (pid {self.pid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What the claim would take from a queue before the job; counted up to 1,000."""

    queue: str
    unpaused: bool
    jobs: int
    oldest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """PostgreSQL; the fields are the columns of why_server.sql."""

    standby: bool
    read_only: bool
    newest: int | None
    served: Sequence[str]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything about one job."""

    id: int
    server: Server
    live: Live | None = None
    failed: Row | None = None
    done: Row | None = None
    events: Sequence[Row] = ()
    listeners: Sequence[Listener] = ()
    ahead: Sequence[Ahead] = ()
    """Of its own queue, and of those that the workers serve first."""
    begun: bool | None = None
    """Whether the board says that its worker has begun it; None where we cannot see the board."""
    before_it: Busy | None = None
    """The job that its slot took before it and has not ended."""
    file_workers: int | None = None
    """Workers that the queues.yaml here gives its queue; None without one, or when it does not declare the queue."""
    tries: int | None = None
    """As the queues.yaml here says; None: the queue's applied setting counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that keeps it from running, or the place where it is."""

    code: str
    sentence: str
    proof: Mapping[str, Any] = field(default_factory=dict)
    next: str = ""
    """A command, or what else to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer. The first reason is the one that counts; it comes before those that time alone will end."""

    id: int
    state: str
    queue: str
    job: str
    claimable: bool
    """Whether the next claim takes it (or its failed hook)."""
    reasons: Sequence[Reason]
