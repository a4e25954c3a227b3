"""What the demo shows at its end."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from handlers.sandbox.day import Told
from handlers.sandbox.playing import Played

Texts = list[str]


class Seen(Protocol):
    """What the demo saw."""

    played: list[Played]
    acts: list[Told]
    report: str
    differences: Texts
    seconds: float


def show(console: Console, seen: Seen, *, ok: bool) -> None:
    """The report, a line per callback, a line per act of the day, the differences, and the result in one sentence."""
    if seen.report:
        console.print(Markdown(seen.report))
    console.print(_callbacks(seen.played))
    if seen.acts:
        console.print(_acts(seen.acts))
    for text in _all(seen):
        console.print(f"[red]✗[/] {text}", highlight=False)
    if ok:
        acts = f"The other {len(seen.acts)} acts of the day went as they must." if seen.acts else ""
        callbacks = f"All {len(seen.played)} callbacks came to what they must, in {seen.seconds:.1f} s."
        console.print(f"{callbacks} {acts} Nothing is left running.".replace("  ", " "))
    else:
        console.print(f"Not as expected; see the lines above ({seen.seconds:.1f} s).")


def as_json(seen: Seen, *, ok: bool) -> str:
    """The same as one JSON object."""
    callbacks = [
        {
            "name": one.case.name,
            "expected": one.case.expect,
            "outcome": one.seen["outcome"],
            "class": one.seen["class"],
            "jobs": one.steps,
            "seconds": round(one.seconds, 3),
            "differences": one.differences,
        }
        for one in seen.played
    ]
    told = {
        "ok": ok,
        "seconds": round(seen.seconds, 1),
        "callbacks": callbacks,
        "acts": [asdict(act) for act in seen.acts],
        "differences": seen.differences,
        "report": seen.report,
    }
    return json.dumps(told, indent=2)


def _callbacks(played: list[Played]) -> Table:
    table = Table(title="M-Pesa callbacks", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("callback", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("jobs")
    table.add_column("time", justify="right")
    for one in played:
        mark = "[red]✗[/]" if one.differences else "[green]✓[/]"
        table.add_row(one.case.name, f"{mark} {_words(one.seen)}", " → ".join(one.steps), f"{one.seconds:.2f} s")
    return table


def _acts(acts: list[Told]) -> Table:
    table = Table(title="The rest of the day", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("act", no_wrap=True)
    table.add_column("what was seen")
    table.add_column("time", justify="right")
    for act in acts:
        mark = "[green]✓[/]" if act.ok else "[red]✗[/]"
        table.add_row(act.name, f"{mark} {escape(act.seen)}", f"{act.seconds:.2f} s")
    return table


def _words(facts: dict[str, object]) -> str:
    failure = facts.get("class")
    return f"{facts.get('outcome')} ({failure})" if failure else str(facts.get("outcome"))


def _all(seen: Seen) -> Texts:
    callbacks = [f"{one.case.name}: {text}" for one in seen.played for text in one.differences]
    return callbacks + [f"{act.name}: {act.seen}" for act in seen.acts if not act.ok] + seen.differences
