"""`qsup status`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from qsup import reaper, report
from qsup.board import Board, Record, boottime
from qsup.check.load import load
from qsup.check.problem import Problem
from qsup.cli.options import config_option, database_option, json_option, the_dsn, the_file
from qsup.errors import ExitCode, QsupError
from qsup.routing import Routing
from qsup.rundir import RunDirectory
from qsup.supervise.statefile import read_state
from qsup.survey import Survey, survey

WATCH_EVERY = 1.0


@click.command()
@config_option
@database_option
@json_option
@click.option("--watch", is_flag=True, help="Show it again every second until Ctrl-C.")
def status(config: str | None, database: str | None, as_json: bool, watch: bool) -> None:
    """Show queues, workers, the database and refused edits. Exit 3 when no supervisor runs in this project."""
    path = the_file(config)
    if watch and not as_json:
        with Live(console=console(), auto_refresh=False) as live:
            while True:
                live.update(picture(look(path, database)), refresh=True)
                time.sleep(WATCH_EVERY)
    found = look(path, database)
    if as_json:
        click.echo(json.dumps(found))
    else:
        console().print(picture(found), soft_wrap=True)
    raise SystemExit(int(ExitCode.OK if found["running"] else ExitCode.NOT_RUNNING))


def console() -> Console:
    """The terminal's; a file or a pipe gets whole lines."""
    found = Console()
    return found if found.is_terminal else Console(width=200)


def look(path: Path, database: str | None) -> dict[str, Any]:
    """One look at everything."""
    run = RunDirectory(path.resolve().parent / ".qsup" / "run")
    state = read_state(run)
    routing = served(state) or load(path, os.environ).routing
    board = on_board(run)
    pids = [slot["pid"] for slot in (state or {}).get("slots", {}).values() if slot["pid"]]
    told = {} if state is None else state["database"]
    said = ask(path, database, routing)
    reached = {"state": said.state, "detail": said.detail}
    return report.status(
        report.Look(
            state,
            board,
            {pid: reaper.pss(pid) for pid in pids},
            said.counts,
            said.supervisors,
            {**told, **reached},
            boottime(),
            said.orders,
        ),
        routing,
    )


def served(state: Mapping[str, Any] | None) -> Routing | None:
    """What the running supervisor serves, which may not be what the file says now."""
    applied = (state or {}).get("applied")
    return Routing.from_dict(applied["routing"]) if applied else None


def on_board(run: RunDirectory) -> dict[str, Record]:
    """The board's records by slot; none without a board."""
    try:
        return {record.slot: record for record in Board(run.board).records().values()}
    except (OSError, ValueError):
        return {}


def ask(path: Path, database: str | None, routing: Routing | None) -> Survey:
    """What the database says, or why it says nothing."""
    try:
        return survey(the_dsn(database, path, routing.database if routing else None, start=False))
    except QsupError as error:
        return Survey(None, [], {}, "away", error.message)


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
