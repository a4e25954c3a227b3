"""The messages between qsup's processes: small dataclasses, each of which is one line of JSON on a channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


class Message:
    """One line on a channel; its kind is the class's name."""

    __slots__ = ()
    kinds: ClassVar[dict[str, type[Message]]] = {}

    def __init_subclass__(cls) -> None:
        Message.kinds[cls.__name__] = cls


# --- any process of the supervisor's --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ping(Message):
    """Are you alive? Answered by Pong with the same number."""

    number: int


@dataclass(frozen=True, slots=True)
class Pong(Message):
    """The answer; `note` says in a few words what the process is doing."""

    number: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Finish what is necessary and exit 0."""


@dataclass(frozen=True, slots=True)
class Say(Message):
    """A line for the operator, printed by the supervisor."""

    text: str


# --- supervisor ↔ template ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load(Message):
    """supervisor → template: import these modules (`handlers.payments`), with `root` first on sys.path, then Ready."""

    modules: list[str]
    root: str
    run_directory: str


@dataclass(frozen=True, slots=True)
class Ready(Message):
    """template or courier → supervisor: work can begin."""


@dataclass(frozen=True, slots=True)
class Broken(Message):
    """template → supervisor: the code cannot be imported or is not safe to fork; `error` names the culprit."""

    error: str


@dataclass(frozen=True, slots=True)
class Fork(Message):
    """supervisor → template: start a worker for this slot, record `index` of the board is its own."""

    slot: str
    index: int
    memory: int
    """Bytes of PSS after a job above which the worker leaves (exit 12)."""
    max_time: float
    """Seconds of age at which it leaves between jobs; 0 = no limit."""
    max_jobs: int
    start: str = "fork"


@dataclass(frozen=True, slots=True)
class Forked(Message):
    """template → supervisor: the worker exists."""

    slot: str
    pid: int


@dataclass(frozen=True, slots=True)
class Serving(Message):
    """template → supervisor: the worker has reached its loop."""

    slot: str
    pid: int


@dataclass(frozen=True, slots=True)
class Signal(Message):
    """supervisor → template: send `number` to the worker (TERM = drain), or with `group` to its process group."""

    slot: str
    pid: int
    number: int
    group: bool = False
    cause: str = ""
    """Why it is killed: `timeout`, `memory`, `cancelled`, `released` or empty; comes back in Died."""
    job: int = 0
    claim: int = 0
    """Only if the board says that it is at this job under this claim, else the answer is Missed. 0: in any case."""


@dataclass(frozen=True, slots=True)
class Died(Message):
    """template → supervisor → courier: the worker is reaped and its process group is empty.

    `status` is as of os.waitstatus_to_exitcode (negative: the signal). `job`/`claim` are what the board says was
    running (0 = nothing), filled in by the supervisor. `cause` is `timeout`, `memory`,
    `lost` (gone unreaped), `cancelled` or `released` (`detail`, filled in by the supervisor, says by whom), or empty.
    """

    slot: str
    pid: int
    status: int
    cause: str = ""
    job: int = 0
    claim: int = 0
    detail: str = ""


# --- supervisor ↔ courier -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configure(Message):
    """supervisor → courier: serve this routing (Routing.to_dict), on this database, as this supervisor.

    Sent at the start and after every accepted edit; the courier applies the declared types, then answers Applied.
    """

    generation: int
    routing: dict[str, Any]
    dsn: str = field(repr=False)
    supervisor: str
    config_file: str
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Applied(Message):
    """courier → supervisor: the declared types of this generation are in the database."""

    generation: int


@dataclass(frozen=True, slots=True)
class Refused(Message):
    """courier → supervisor: it claims nothing, and why (schema too old or too new, standby, missing grant)."""

    reason: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Alive(Message):
    """supervisor → courier: the worker in this slot has this pid (a peer with another pid is refused)."""

    slot: str
    pid: int


@dataclass(frozen=True, slots=True)
class Roster(Message):
    """supervisor → courier, once after the first Configure: these are all the live workers; claim nothing before
    each of them has said Hello or is reported as Died."""

    workers: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Pause(Message):
    """supervisor → courier: stop (or resume) claiming."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Database(Message):
    """courier or database child → supervisor: the state of the connection, for people."""

    state: str
    """`up` or `away`."""
    detail: str = ""
    dsn: str = field(default="", repr=False)
    """From the database child only: where the embedded PostgreSQL listens."""


# --- courier ↔ worker -----------------------------------------------------------------------------------------------
# Work and Finished are not frozen: there is one of each for every job, and a frozen one takes four times as long.


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """worker → courier: the first line on every connection. `running` is the job and claim it runs now (0, 0: none);
    `unsent` are outcomes that no courier has acknowledged."""

    slot: str
    pid: int
    running: int = 0
    claim: int = 0
    unsent: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Work(Message):
    """courier → worker: run this job."""

    id: int
    claim: int
    type: str
    queue: str
    handler: str
    payload: str
    """JSON, as PostgreSQL writes it."""
    attempt: int
    tries: int
    crashes: int
    timeout: float
    grace: float
    step: str
    """`run`, or `failed` for the job's failed hook."""
    error: str = ""
    keep: bool = False
    """The queue keeps its history: a transaction that ends the job must store it there."""
    number: int = 0
    """Rises with every job handed out; the board says up to which one they are taken back. 0: never taken back."""
    expires: float = 0.0
    """End of the lease, on the clock of qsup.board.boottime. Too near to finish in time: hand the job back."""
    recorded: list[list[int]] = field(default_factory=list)
    """[id, claim] of this worker's earlier outcomes that are stored: it need not keep them any longer."""
    dsn: str = field(default="", repr=False)


@dataclass(slots=True)
class Finished(Message):
    """worker → courier: how one claim went; the fields of qsup.outcome.Report."""

    id: int
    claim: int
    kind: str
    after: float | None = None
    reason: str = ""
    exception: str = ""
    traceback: str = ""
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Recorded(Message):
    """courier → worker: this outcome is safe; said when no next job is there to say it: after a Hello, at a Leaving."""

    id: int
    claim: int


@dataclass(frozen=True, slots=True)
class Progress(Message):
    """worker → courier: a row for job_events."""

    id: int
    claim: int
    percent: float
    note: str


@dataclass(frozen=True, slots=True)
class Awake(Message):
    """worker → courier: a job that was taken back is skipped, and more can come."""


@dataclass(frozen=True, slots=True)
class Overdue(Message):
    """the courier's house → its claim loop: [id, claim] of our claims whose lease is over."""

    keys: list[list[int]]


@dataclass(frozen=True, slots=True)
class Recheck(Message):
    """the courier's house → its claim loop: the schema has changed; connect anew and see whether we may work on it."""


@dataclass(frozen=True, slots=True)
class Leaving(Message):
    """worker → courier: send nothing more. Jobs sent and not reported come back uncharged when it has died."""
