"""What a run of a job came to (`Report`, said by whoever saw it) and what follows (`Outcome`, decided by the rules).

One pure function, `decide`, holds the whole table; the courier and `qsup worker` both ask it, with the rules of the
moment, so an edit of tries or backoff applies to jobs that are already waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

Kind = Literal[
    "done", "committed", "error", "timeout", "memory", "retry", "discard", "crash", "unknown", "released", "unrouted",
    "cancelled",
]  # fmt: skip
"""committed: ctx.transaction() ended the job itself. unknown: the answer to its COMMIT was lost.
memory: killed over twice its memory limit. released: never started, or handed back; not charged.
unrouted: no file that this supervisor has seen names a handler; waits uncharged for one that does.
cancelled: an operator's command ended this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How one claim of a job went."""

    kind: Kind
    after: float | None = None
    """Seconds; only with `retry`."""
    reason: str = ""
    """A sentence: the exception's text, the signal that killed the worker, the reason of a Discard."""
    exception: str = ""
    """The exception's class, with its module."""
    traceback: str = ""
    frame: str = ""
    """The innermost function of the project in the traceback, as `handlers/payments.py:charge`."""

    @property
    def symptom(self) -> str:
        """What tells failures apart where no exception does: how the worker died, or the kind. A time limit may strike
        anywhere in a handler, so where it struck does not count."""
        if self.kind == "crash":
            return self.reason
        return self.kind if self.kind in ("timeout", "memory") or not self.exception else ""


DONE = Report(kind="done")
"""Of nearly every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of the moment for one job class on one queue. Times in seconds."""

    tries: int
    backoff: tuple[float, ...]
    jitter: float
    timeout: float
    grace: float
    margin: float
    max_crashes: int
    keep: float
    failed: str | None
    """The handler of the job's `failed` hook, as module:function."""

    @property
    def lease(self) -> float:
        """Always later than the hard kill at timeout + grace (architecture, section 3)."""
        return self.timeout + 2 * self.grace + self.margin


@dataclass(frozen=True, slots=True)
class Done:
    """Remove the row."""


@dataclass(frozen=True, slots=True)
class Again:
    """Run it again after `delay` seconds."""

    delay: float
    event: Literal["retry", "timeout", "memory", "crash", "unrouted"]
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Move the row to failed_jobs."""

    cause: Literal["tries", "discarded", "quarantined", "unstorable", "cancelled"]
    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """Back to its queue at once, the attempt given back."""


Outcome = Done | Again | Failed | Released


def backoff(delays: tuple[float, ...], attempt: int, jitter: float, chance: float) -> float:
    """Seconds to wait after try `attempt` (from 1); the last delay repeats. `chance` is a random number in [0, 1)."""
    delay = delays[min(attempt, len(delays)) - 1]
    return max(0.0, delay * (1 + jitter * (2 * chance - 1)))


def decide(report: Report, rules: Rules, *, attempt: int, crashes: int, chance: float) -> Outcome | None:
    """What follows from `report`, for the try `attempt` (from 1) of a job that had `crashes` crashes before this run.

    None means: only the database knows (`unknown`); look whether the row is gone.
    """
    match report.kind:
        case "done" | "committed":
            return Done()
        case "released":
            return Released()
        case "unknown":
            return None
        case "unrouted":
            return Again(report.after or 0.0, "unrouted", report.reason)
        case "discard":
            return Failed("discarded", report.reason)
        case "cancelled":
            return Failed("cancelled", report.reason)
        case "crash":
            return _after_crash(report, rules, crashes + 1, chance)
        case "error" | "timeout" | "memory" | "retry":
            return _after_try(report, rules, attempt, chance)
        case _:
            assert_never(report.kind)


def _after_crash(report: Report, rules: Rules, crashes: int, chance: float) -> Outcome:
    if crashes >= rules.max_crashes:
        return Failed("quarantined", f"it killed its worker {crashes} times, last: {report.reason}")
    return Again(backoff(rules.backoff, crashes, rules.jitter, chance), "crash", report.reason)


def _after_try(report: Report, rules: Rules, attempt: int, chance: float) -> Outcome:
    if attempt >= rules.tries:
        return Failed("tries", report.reason)
    delay = backoff(rules.backoff, attempt, rules.jitter, chance) if report.after is None else report.after
    event: Literal["retry", "timeout", "memory"] = report.kind if report.kind in ("timeout", "memory") else "retry"
    return Again(delay, event, report.reason)
