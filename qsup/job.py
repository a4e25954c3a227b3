"""A job class, and what a handler is given: data only.

`Job` and `Context` hold no database code. `qsup/__init__.py` knows who dispatches, and the worker binds the
transaction and progress of a `Context`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, overload

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from psycopg import AsyncConnection, Connection

Delay = float | timedelta
"""Seconds, or a timedelta."""


class Job(BaseModel):
    """A job's name (the class's) and its payload (the fields), as declared in the `jobs:` of queues.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    @overload
    def dispatch(
        self,
        conn: Connection[Any] | None = None,
        *,
        delay: Delay | None = None,
        at: datetime | None = None,
        unique: str | None = None,
        queue: str | None = None,
    ) -> int: ...

    @overload
    def dispatch(
        self,
        conn: AsyncConnection[Any],
        *,
        delay: Delay | None = None,
        at: datetime | None = None,
        unique: str | None = None,
        queue: str | None = None,
    ) -> Awaitable[int]: ...

    def dispatch(self, conn: Any = None, **options: Any) -> Any:
        """Put the job on its queue and return its id; with `conn`, as part of that connection's transaction.

        An AsyncConnection makes the answer an awaitable. With `unique`, a waiting or running job of the same class
        and key is not doubled: its id is returned. Raises the `DispatchError`s of qsup.errors; then nothing is stored.
        """
        from qsup import dispatch

        return dispatch(self, conn, **options)


class Retry(Exception):
    """Raised by a handler: run this job again in `after` seconds (charged as a try)."""

    def __init__(self, reason: str = "", *, after: Delay = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after.total_seconds() if isinstance(after, timedelta) else float(after)


class Discard(Exception):
    """Raised by a handler: this job can never succeed; fail it now and keep it with `reason` in failed_jobs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a handler may know and do about the job it runs."""

    job_id: int
    claim_number: int
    attempt: int
    """Which charged try this is, from 1."""
    tries: int
    crashes: int
    queue: str
    slot: str
    timeout: float
    """Seconds until the soft end."""
    error: str = ""
    """In a `failed` hook: why the job failed. Empty in a handler."""
    open_transaction: Callable[[], Any] = field(repr=False)
    open_connection: Callable[[], Any] = field(repr=False)
    send_progress: Callable[[float, str], None] = field(repr=False)

    @property
    def idempotency_key(self) -> str:
        """The job's id: the same in every try, so a remote side can recognise a repetition."""
        return str(self.job_id)

    def transaction(self) -> Any:
        """A psycopg connection whose COMMIT also ends this job: `with ctx.transaction() as conn:`, once per run.

        `async with` gives an AsyncConnection. Raises Superseded (and rolls back) when the claim is lost.
        """
        return self.open_transaction()

    def connect(self) -> Any:
        """A psycopg connection to the same database, in autocommit mode: `with ctx.connect() as conn:`.

        For what must be kept even if the job fails; the job's end is not part of it. Raises DatabaseUnavailable.
        """
        return self.open_connection()

    def progress(self, percent: float, note: str = "") -> None:
        """Store how far the job is (0 to 100); a row in job_events, never a write to the job."""
        self.send_progress(percent, note)
