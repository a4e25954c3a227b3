"""Rows of qsup.jobs as values: what a claim asks for, and what it brings."""

from __future__ import annotations

from dataclasses import dataclass

Key = tuple[int, int]
"""A job's id and claim number: the only name under which a claim may be ended."""


@dataclass(slots=True)
class Claimed:
    """A job that is ours to run. Nobody changes it; a frozen one would cost four times as much to make."""

    id: int
    claim: int
    queue: str
    type: str
    payload: str
    """JSON, not read on the way: what Python's reader refuses (depth, digits) concerns this one job only."""
    attempts: int
    crashes: int
    step: str
    error: str | None
    seq: int
    slot: str

    @property
    def key(self) -> Key:
        """Id and claim number."""
        return (self.id, self.claim)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a running job is, in percent."""

    key: Key
    percent: float
    note: str
    type: str
    queue: str


@dataclass(frozen=True, slots=True)
class Want:
    """Claim for these slots (one may stand twice) from this queue, rows with a seq above `after` only."""

    queue: str
    slots: tuple[str, ...]
    after: int
    timeout: float
    slack: float
    """Seconds between the time limit and the end of the lease."""
