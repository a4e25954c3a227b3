"""What the demo shows at its end."""

from __future__ import annotations

import json

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from handlers.sandbox.playing import Played

Texts = list[str]


def show(console: Console, played: list[Played], differences: Texts, seconds: float, *, ok: bool) -> None:
    """A table with a line per callback, the differences, and the result in one sentence."""
    table = Table(title="M-Pesa callbacks", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("callback", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("jobs")
    table.add_column("time", justify="right")
    for one in played:
        mark = "[red]✗[/]" if one.differences else "[green]✓[/]"
        time = f"{one.seconds:.2f} s"
        table.add_row(one.case.name, f"{mark} {_words(one.seen)}", " → ".join(one.steps), time)
    console.print(table)
    for text in _all(played, differences):
        console.print(f"[red]✗[/] {text}", highlight=False)
    if ok:
        console.print(
            f"All {len(played)} callbacks came to what they must, in {seconds:.1f} s. Nothing is left running."
        )
    else:
        console.print(f"Not as expected; see the lines above ({seconds:.1f} s).")


def as_json(played: list[Played], differences: Texts, seconds: float, *, ok: bool) -> str:
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
        for one in played
    ]
    return json.dumps(
        {"ok": ok, "seconds": round(seconds, 1), "callbacks": callbacks, "differences": differences}, indent=2
    )


def _words(facts: dict[str, object]) -> str:
    failure = facts.get("class")
    return f"{facts.get('outcome')} ({failure})" if failure else str(facts.get("outcome"))


def _all(played: list[Played], differences: Texts) -> Texts:
    return [f"{one.case.name}: {text}" for one in played for text in one.differences] + differences
