"""Errors that people read, and the exit codes that go with them.

Exit codes follow sysexits.h, LSB and Laravel's worker: see `ExitCode`. Every error says what happened in its message
and what to do next in its hint; the command line prints both and never a traceback.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a qsup process ended; documented in docs/reference/exit-codes.md."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_RUNNING = 3
    WORKER_MEMORY = 12
    UNAVAILABLE = 75
    BAD_CONFIG = 78
    TIMED_OUT = 124


class QsupError(Exception):
    """A failure with a sentence for a person (`message`) and a next step (`hint`)."""

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class ConfigUnreadable(QsupError):
    """queues.yaml is missing or breaks its own rules; nothing was applied."""

    exit_code = ExitCode.BAD_CONFIG


class DatabaseUnavailable(QsupError):
    """PostgreSQL does not answer; trying later may work."""

    exit_code = ExitCode.UNAVAILABLE


class SchemaMismatch(QsupError):
    """The schema `qsup` in the database is older or newer than this code may work on."""


class AlreadyRunning(QsupError):
    """Another `qsup run` owns this project."""


class NotRunning(QsupError):
    """Nobody is there to do it."""

    exit_code = ExitCode.NOT_RUNNING


class UnknownQueue(QsupError):
    """No applied queues.yaml has declared this queue."""


class DispatchError(QsupError):
    """The job was not stored."""


class UnknownJob(DispatchError):
    """No queue is declared for this job class (SQLSTATE QS001)."""


class UndeclaredQueue(DispatchError):
    """The queue is not declared (SQLSTATE QS002)."""


class RetiredQueue(DispatchError):
    """The queue or job class was declared once and has been taken out of the file (SQLSTATE QS003)."""


class InvalidPayload(DispatchError):
    """The payload is not what the job class declares (SQLSTATE QS004)."""


class PayloadTooLarge(DispatchError):
    """The payload is over `payload_limit` (SQLSTATE QS005)."""


class UnheardQueue(DispatchError):
    """The queue is declared without workers: the job would never run (SQLSTATE QS006)."""


class Superseded(QsupError):
    """The claim of the running job is no longer its own: it was ended, released or claimed again elsewhere."""
