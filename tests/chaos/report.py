"""What a run has to say: one line for people, everything as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Report:
    """Filled while the run goes on, so that an aborted one has something to say as well."""

    seed: int
    jobs: int
    minutes: float
    postgres: str = ""
    """`embedded` in `qsup run`, or a `server` of the harness's own."""
    accidents: dict[str, int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    """Accidents that found nobody to happen to."""
    starts: int = 0
    """Starts of `qsup run`."""
    effects: int = 0
    notes: int = 0
    """At-least-once effects; `noted` orders had them."""
    noted: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    """Expected ones included, by cause."""
    events: dict[str, int] = field(default_factory=dict)
    """Rows of job_events by kind: crash, released, rescued, retry, timeout, …"""
    drained_s: float = 0.0
    """Seconds from the last accident to the last job's end."""
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    folder: str = ""
    """Kept when something is wrong."""

    @property
    def passed(self) -> bool:
        """Whether every rule was kept."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"passed": self.passed, **asdict(self)}

    def line(self) -> str:
        """For people."""
        told = ("crash", "released", "rescued", "timeout")
        events = ", ".join(f"{self.events.get(kind, 0)} {kind}" for kind in told)
        return (
            f"seed {self.seed}: {'ok' if self.passed else 'FAILED'}; {self.jobs} jobs, {self.effects} effects, "
            f"{self.notes} notes of {self.noted}, {sum(self.failed.values())} failed as ordered; "
            f"{sum(self.accidents.values())} accidents ({self.postgres}), {self.starts} starts; {events}; "
            f"{self.seconds:.0f} s, {self.drained_s:.0f} s of them to drain"
        )

    def text(self) -> str:
        """The line, and what is wrong."""
        wrong = [f"  {sentence}" for sentence in self.violations]
        return "\n".join([self.line(), *wrong, *([f"  kept: {self.folder}"] if self.folder else [])])
