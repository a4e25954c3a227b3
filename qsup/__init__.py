"""qsup: a declarative queue supervisor on PostgreSQL. This module is its whole public face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qsup.errors import (
    DatabaseUnavailable,
    DispatchError,
    InvalidPayload,
    PayloadTooLarge,
    QsupError,
    RetiredQueue,
    Superseded,
    UndeclaredQueue,
    UnheardQueue,
    UnknownJob,
)
from qsup.version import __version__

if TYPE_CHECKING:
    from qsup.job import Context, Discard, Job, Retry
else:

    def __getattr__(name: str) -> Any:
        # Loaded when first named: most of qsup's own processes have no job class, and pydantic takes 0.1 s.
        if name not in {"Context", "Discard", "Job", "Retry"}:
            raise AttributeError(f"module 'qsup' has no attribute {name!r}")
        from qsup import job

        return globals().setdefault(name, getattr(job, name))


__all__ = [
    "Context",
    "DatabaseUnavailable",
    "Discard",
    "DispatchError",
    "InvalidPayload",
    "Job",
    "PayloadTooLarge",
    "QsupError",
    "RetiredQueue",
    "Retry",
    "Superseded",
    "UndeclaredQueue",
    "UnheardQueue",
    "UnknownJob",
    "__version__",
    "dispatch",
    "dispatch_many",
]


def dispatch(job: Job, conn: Any = None, **options: Any) -> Any:
    """The same as `job.dispatch(conn, …)`."""
    # Imported at the first call: a worker that never dispatches never loads the database driver.
    from qsup.dispatching import dispatch as dispatch_now

    return dispatch_now(job, conn, **options)


def dispatch_many(jobs: Any, conn: Any = None, **options: Any) -> Any:
    """Put many jobs on their queues in one statement; returns their ids in the same order."""
    from qsup.dispatching import dispatch_many as dispatch_all

    return dispatch_all(jobs, conn, **options)
