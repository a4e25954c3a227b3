"""The report of `qsup status` for people. Apart from the command: a program that asks with --json needs no rich."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from qsup.check.problem import Problem


def console() -> Console:
    """The terminal's; a file or a pipe gets whole lines."""
    found = Console()
    return found if found.is_terminal else Console(width=200)


def picture(found: Mapping[str, Any]) -> Group:
    """The report for people."""
    if found["running"]:
        first = f"qsup runs, pid {found['pid']}, generation {found['generation']}"
    else:
        first = "no supervisor runs in this project; start one with `qsup run`"
    notes = [word for word in ("paused", "stopping") if found[word]]
    lines = [", ".join([first, *notes]), f"database {found['database']['state']}: {found['database']['detail']}"]
    lines += [f"unheard: {Problem(**one)}" for one in found["findings"]]
    if found["rejected"]:
        lines.append("the last edit of the file is refused:")
        lines += [f"  {Problem(**one)}" for one in found["rejected"]["problems"]]
    return Group(*lines, "", queue_table(found["queues"]), "", worker_table(found["workers"]))


def queue_table(rows: list[dict[str, Any]]) -> Table:
    """The queues."""
    table = Table("queue", box=None, pad_edge=False)
    for name in ("workers", "pending", "reserved", "delayed", "failed", "oldest"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows:
        numbers = [row[name] for name in ("workers", "pending", "reserved", "delayed", "failed")]
        oldest = "" if row["oldest_s"] is None else f"{row['oldest_s']:.0f} s"
        table.add_row(row["name"], *("?" if number is None else str(number) for number in numbers), oldest, row["note"])
    return table


def worker_table(rows: list[dict[str, Any]]) -> Table:
    """The workers."""
    table = Table("worker", "state", box=None, pad_edge=False)
    for name in ("pid", "job", "uptime", "memory"):
        table.add_column(name, justify="right")
    for row in rows:
        uptime = "" if row["uptime_s"] is None else f"{row['uptime_s']:.0f} s"
        memory = "" if not row["memory"] else f"{row['memory'] / 1e6:.1f} MB"
        pid, job = (str(row[name] or "") for name in ("pid", "job"))
        table.add_row(row["slot"], row["state"], pid, job, uptime, memory)
    return table
