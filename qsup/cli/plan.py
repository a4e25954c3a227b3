"""`qsup plan`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from qsup.check.load import load, sound
from qsup.check.stranding import findings
from qsup.cli.options import config_option, json_option, the_dsn, the_file
from qsup.errors import QsupError
from qsup.routing import Routing
from qsup.rundir import run_directory
from qsup.supervise.desired import desire, scaled
from qsup.supervise.edit import edit_lines, worker_lines
from qsup.supervise.model import Desired, Scale
from qsup.supervise.say import ended_scales
from qsup.supervise.statefile import read_state


@click.command()
@config_option
@json_option
def plan(config: str | None, *, as_json: bool) -> None:
    """Show what the file, as it is saved now, would change in the running supervisor; nothing is done.

    Without a running supervisor: what a start would do. Dispatching code and waiting rows that the file leaves unheard
    are named; an edit that adds one would be refused. Exit 78: the file is wrong and would change nothing.
    """
    file = the_file(config)
    loaded = load(file, os.environ)
    parsed = sound(loaded)
    routing = replace(parsed.routing, database=None)
    running = read_state(run_directory(file))
    applied = running["applied"] if running else None
    scales = _scales(running)
    new = desire(routing, generation=0, source_hash=loaded.source_hash, code_version=loaded.code_version)
    new = scaled(new, scales)
    old = new if applied is None else scaled(_served(applied), scales)
    slots: dict[str, Any] = running["slots"] if running else {}
    pids = {slot: told["pid"] for slot, told in slots.items()}
    changes = [*edit_lines(old, new), *ended_scales(old, new)]
    workers = worker_lines(old, new, pids) if applied else [f"start {slot}" for slot in new.slots]
    unheard = [str(found) for found in findings(loaded, file.absolute().parent, _reachable_dsn(file, parsed.routing))]
    if as_json:
        told = {"running": applied is not None, "changes": changes, "workers": workers, "unheard": unheard}
        click.echo(json.dumps(told | {"scaled": new.scaled}, indent=1))
        return
    for queue, scale in new.scaled.items():
        click.echo(f"queue {queue} is scaled to {scale} (file: {routing.queues[queue].workers})")
    for line in [*_text(changes, workers, running=applied is not None), *(f"unheard: {one}" for one in unheard)]:
        click.echo(line)


def _reachable_dsn(file: Path, routing: Routing) -> str:
    try:
        return the_dsn(None, file, routing.database, start=False)
    except QsupError:
        return ""


def _scales(running: Mapping[str, Any] | None) -> dict[str, Scale]:
    told: dict[str, Any] = (running or {}).get("scaled") or {}
    return {queue: Scale(one["workers"], tuple(one["made_from"])) for queue, one in told.items()}


def _served(applied: dict[str, Any]) -> Desired:
    routing = Routing.from_dict(applied["routing"])
    return desire(
        routing, generation=0, source_hash=applied["source_hash"], code_version=applied["code_version"]
    )  # fmt: skip


def _text(changes: list[str], workers: list[str], *, running: bool) -> list[str]:
    if not running:
        return ["no `qsup run` works here; a start would", *(f"  {line}" for line in workers)]
    if not changes:
        return ["nothing to do: what is saved is what runs"]
    kept = [line for line in workers if line.startswith("keep ")]
    moved = [f"  {line}" for line in workers if not line.startswith("keep ")]
    return [*changes, "", *(moved or ["  no worker is touched"]), f"  keep {len(kept)} workers as they are"]
