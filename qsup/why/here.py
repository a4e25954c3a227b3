"""What can be seen on this host beside the database: the supervisor of this project, its board and its queues.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qsup.board import Board, Record, boottime
from qsup.check.load import load
from qsup.errors import ConfigUnreadable
from qsup.locate import find
from qsup.routing import Routing
from qsup.rundir import RunDirectory
from qsup.supervise.statefile import read_state
from qsup.why.facts import Facts, Listener, Live, Reason


@dataclass(frozen=True, slots=True)
class Here:
    """One look; empty where there is no project."""

    supervisor: str = ""
    state: Mapping[str, Any] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    routing: Routing | None = None


def look(config: str | None) -> Here:
    """At the project of the file that is found from here. Never raises for what it does not find."""
    try:
        path = find(config, os.environ, Path.cwd())
    except ConfigUnreadable:
        return Here()
    run = RunDirectory(path.resolve().parent / ".qsup" / "run")
    state = read_state(run)
    routing = load(path, os.environ).routing
    if state is None:
        return Here(routing=routing)
    try:
        board = Board(run.board)
    except (OSError, ValueError):
        return Here(routing=routing)
    return Here(board.supervisor_id, state, {one.slot: one for one in board.records().values()}, routing)


def known_here(facts: Facts, here: Here) -> Facts:
    """The facts, sharpened by what only this host knows."""
    if (live := facts.live) is None:
        return facts
    declared = here.routing is not None and live.queue in here.routing.queues
    rules = here.routing.rules(live.job, live.queue) if here.routing is not None and declared else None
    return replace(
        facts,
        listeners=[_listener(one, here) if one.id == here.supervisor else one for one in facts.listeners],
        begun=_begun(live, here) if live.supervisor == here.supervisor else None,
        file_workers=_served(here.routing, live.queue) if here.routing is not None and declared else None,
        tries=None if rules is None else rules.tries,
    )


def _served(routing: Routing, queue: str) -> int:
    server = routing.server(queue)
    return routing.queues[server].workers if server else 0


def _listener(one: Listener, here: Here) -> Listener:
    # The heartbeat's pid is the courier's; signals go to the supervisor.
    one = replace(one, pid=here.state.get("pid", one.pid))
    if here.state.get("stopping"):
        return replace(one, halted="it is stopping")
    if here.state.get("paused"):
        return replace(one, halted="it was paused by a signal (USR2) and claims nothing")
    return one


def _begun(live: Live, here: Here) -> bool | None:
    record = here.records.get(live.slot)
    if record is None:
        return None
    return record.state == "busy" and (record.job, record.claim) == (live.id, live.claim)


def running_here(number: int, here: Here) -> Reason | None:
    """That a worker of this host runs it, told by the board alone: PostgreSQL is away."""
    pids = {slot.get("pid") for slot in here.state.get("slots", {}).values()}
    for record in here.records.values():
        if record.state == "busy" and record.job == number and record.pid in pids:
            seconds = max(0.0, boottime() - record.started)
            return Reason(
                code="running",
                sentence=f"it is running in {record.slot} of this host (pid {record.pid}), for {seconds:.0f} s; its "
                f"outcome is kept until PostgreSQL answers",
                proof={"slot": record.slot, "pid": record.pid, "claim": record.claim, "attempt": record.attempt},
            )
    return None
