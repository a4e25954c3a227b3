"""`qsup status`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from qsup import reaper, report
from qsup.board import Board, Record, boottime
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
        _watch(path, database)
    found = look(path, database)
    if as_json:
        click.echo(json.dumps(found))
    else:
        from qsup.cli.status_tables import console, picture

        console().print(picture(found), soft_wrap=True)
    raise SystemExit(int(ExitCode.OK if found["running"] else ExitCode.NOT_RUNNING))


def _watch(path: Path, database: str | None) -> NoReturn:
    from rich.live import Live

    from qsup.cli.status_tables import console, picture

    with Live(console=console(), auto_refresh=False) as live:
        while True:
            live.update(picture(look(path, database)), refresh=True)
            time.sleep(WATCH_EVERY)


def look(path: Path, database: str | None) -> dict[str, Any]:
    """One look at everything."""
    run = RunDirectory(path.resolve().parent / ".qsup" / "run")
    state = read_state(run)
    routing = served(state) or _written(path)
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


def _written(path: Path) -> Routing | None:
    # Imported here: who looks at a running supervisor has no need of it, and it takes as long as the rest together.
    from qsup.check.load import load

    return load(path, os.environ).routing


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
