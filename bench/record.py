"""docs/performance/figures.json: every figure of the last written run of each measure, as the proof behind the page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.figures import Figure

NEVER = "never"
"""How infinity is written: JSON has none."""


@dataclass(frozen=True, slots=True)
class Run:
    """One measure's figures, and what they were measured on."""

    machine: Mapping[str, str]
    figures: tuple[Figure, ...]
    left_out: tuple[str, ...] = field(default=())
    """A sentence for each peer that was not there."""


def read(path: Path) -> dict[str, Run]:
    """Measure → its last run; none while there is no file."""
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Run(one["machine"], tuple(figure(each) for each in one["figures"]), tuple(one["left_out"]))
        for name, one in found.items()
    }


def write(path: Path, runs: Mapping[str, Run]) -> None:
    """Replace the file."""
    path.parent.mkdir(exist_ok=True)
    plain_runs = {
        name: {"machine": dict(run.machine), "left_out": list(run.left_out), "figures": plain(run.figures)}
        for name, run in runs.items()
    }
    path.write_text(json.dumps(plain_runs, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def plain(figures: Iterable[Figure]) -> list[dict[str, object]]:
    """Figures for JSON."""
    return [asdict(one) | {"value": NEVER if math.isinf(one.value) else one.value} for one in figures]


def figure(found: Mapping[str, object]) -> Figure:
    """A figure from JSON."""
    value = found["value"]
    known = {**found, "value": math.inf if value == NEVER else float(str(value))}
    return Figure(**known)  # type: ignore[arg-type]  # what `plain` wrote
