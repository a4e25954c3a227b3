"""What the courier's decisions ask of the world. The courier fills these in with PostgreSQL, sockets and the board;
the simulator of the tests with a model that loses answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from qsup.messages import Message
from qsup.outcome import Again, Failed, Report
from qsup.routing import Routing
from qsup.rows import Claimed, Key, Step, Want

Fail = tuple[Key, Failed, Report, bool]
"""A job that has failed for good; the last value: run a failed hook?"""


class Unstorable(Exception):
    """PostgreSQL refuses a value of an outcome (SQLSTATE class 22 or 23). The text says how."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Both in seconds. `boot` counts suspend, as the board and the leases do; `now` is for short waits."""

    now: Callable[[], float]
    boot: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Busy:
    """What the board says a worker is doing."""

    slot: str
    pid: int
    key: Key


class Wire(Protocol):
    """One worker's connection: lines both ways, never blocking."""

    closed: bool

    @property
    def unsent(self) -> int:
        """Bytes waiting for the peer to read."""

    def fileno(self) -> int:
        """For select."""

    def send(self, message: Message) -> None:
        """Queue and try to send."""

    def put(self, message: Message) -> None:
        """Queue for the next `flush`."""

    def line(self, message: Message) -> Any:
        """What `put_line` takes."""

    def put_line(self, line: Any) -> None:
        """Queue what `line` has made of a message."""

    def flush(self) -> None:
        """Send what the socket takes."""

    def receive(self) -> list[Message]:
        """All complete messages that are there; sets `closed` at the peer's end."""

    def receive_some(self) -> list[Message]:
        """What one read brings."""

    def close(self) -> None:
        """Close it."""


class Board(Protocol):
    """What the workers of our slots are doing, also when they do not answer."""

    def busy(self) -> list[Busy]:
        """Every slot whose record says that a job is being run."""

    def take_back(self, slot: str, number: int) -> bool:
        """See that no job that was handed to the slot with a number up to this one is begun from now on.

        False when its worker is deciding just now: ask again.
        """


class Database(Protocol):
    """The courier's statements on one connection. Each is one commit; each may be lost on its way there or back."""

    def apply(self, routing: Routing, supervisor: str) -> None:
        """Declare the types of this file."""

    def claim_and_record(
        self, supervisor: str, done: Sequence[Key], wants: Sequence[Want], timeouts: Mapping[str, float]
    ) -> tuple[set[int], list[Claimed]]:
        """End `done`, claim for `wants`; the ids that were ended and the claimed jobs in their order."""

    def end_done(self, done: Sequence[Key]) -> set[int]:
        """End `done`, with nothing to claim; the ids that were ended."""

    def archive(self, done: Sequence[Key]) -> None:
        """End finished jobs of queues with a history. Raises Unstorable."""

    def reschedule(self, agains: Sequence[tuple[Key, Again]]) -> list[tuple[int, str, float]]:
        """Run these again; (id, queue, delay) of those that were still ours. Raises Unstorable."""

    def fail(self, fails: Sequence[Fail]) -> None:
        """Fail these for good. Raises Unstorable."""

    def release(self, releases: Sequence[tuple[Key, str]]) -> list[tuple[int, str]]:
        """Give these back uncharged; (id, queue) of those that were still ours. Raises Unstorable."""

    def release_unnamed(
        self, supervisor: str, named: Sequence[Key], *, skip: Sequence[str] = (), only: str | None = None
    ) -> bool:
        """Give back what this supervisor has claimed except `named`, not of the slots in `skip`.

        False: another transaction still holds a row of these, ask again.
        """

    def lookup(self, keys: Sequence[Key]) -> dict[Key, Claimed]:
        """Of these claims the ones that are still running."""

    def progress(self, steps: Sequence[Step]) -> None:
        """Store how far running jobs are."""

    def wait_for(self, supervisor: str, queues: Sequence[str]) -> None:
        """Ask dispatchers to notify us about these queues."""

    def stop_waiting(self, supervisor: str, queues: Sequence[str]) -> None:
        """Ask them no longer."""
