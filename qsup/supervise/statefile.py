"""run.lock, which one supervisor holds alone, and state.json, which tells everybody else what it knows."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qsup.errors import AlreadyRunning
from qsup.reading import read
from qsup.rundir import RunDirectory
from qsup.supervise.model import COURIER, TEMPLATE, Desired, Slot, State

Json = dict[str, Any]

MOST_STATE = 16 << 20
"""Bytes: over a thousand workers write a few hundred thousand."""


def lock_run(run: RunDirectory) -> int:
    """Hold run.lock for as long as the returned descriptor is open. Raises AlreadyRunning, naming the holder."""
    descriptor = os.open(run.run_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace").strip()
        os.close(descriptor)
        raise AlreadyRunning(
            f"another `qsup run` works in this project: {holder or 'it has just started'}",
            hint="one supervisor serves a project: stop it with TERM, or save queues.yaml and it follows",
        ) from None
    since = datetime.now(UTC).astimezone().isoformat(sep=" ", timespec="seconds")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"pid {os.getpid()}, since {since}\n".encode(), 0)
    return descriptor


class StateFile:
    """Writes state.json, atomically, whenever it may come out differently."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: object = None

    def write(self, made_from: object, content: Callable[[], Json]) -> None:
        """Replace the file if what it is made from has changed: to make it anew at every turn of the loop, five times a
        second, was a third of what an idle `qsup run` cost.

        A full disk must not end the supervisor: the old file stays.
        """
        if made_from == self._written:
            return
        text = json.dumps(content(), indent=1)
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            fresh.replace(self.path)
        except OSError:
            return
        self._written = made_from

    def remove(self) -> None:
        """At the end."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def told_from(state: State) -> object:
    """What `told` reads of the state, to compare."""
    children = {name: (child.phase, child.pid, child.error) for name, child in state.children.items()}
    return (state.slots, children, state.desired, state.scales, bool(state.stopping), state.paused)


def told(state: State, boot_epoch: float) -> Json:
    """The part of state.json that is in the State. `boot_epoch`: the unix time at which its clock was 0."""
    return {
        "generation": state.desired.generation if state.desired else 0,
        "slots": {name: _slot(slot, boot_epoch) for name, slot in sorted(state.slots.items()) if _shown(slot, state)},
        "courier": _child(state, COURIER),
        "template": {
            name.removeprefix(TEMPLATE): {**_child(state, name), "error": child.error}
            for name, child in state.children.items()
            if name.startswith(TEMPLATE)
        },
        "stopping": bool(state.stopping),
        "paused": state.paused,
        "scaled": {
            queue: {"workers": scale.workers, "made_from": list(scale.made_from)}
            for queue, scale in state.scales.items()
            if state.desired is not None and queue in state.desired.scaled
        },
        "applied": None if state.desired is None else applied(state.desired),
    }


def applied(desired: Desired) -> Json:
    """What is served, for `qsup plan`; without the database, whose DSN may hold a password."""
    routing = {**desired.routing.to_dict(), "database": None}
    return {"routing": routing, "source_hash": desired.source_hash, "code_version": desired.code_version}


def _shown(slot: Slot, state: State) -> bool:
    return slot.phase != "empty" or (state.desired is not None and slot.name in state.desired.slots)


def _slot(slot: Slot, boot_epoch: float) -> Json:
    return {
        "state": slot.phase,
        "pid": slot.pid,
        "since": round(boot_epoch + slot.since, 1),
        "index": slot.index,
        "why": slot.why,
    }


def _child(state: State, name: str) -> Json:
    child = state.child(name)
    return {"state": child.phase, "pid": child.pid}


def read_state(run: RunDirectory) -> Mapping[str, Any] | None:
    """state.json of the supervisor that runs now; None when none does."""
    try:
        content: Json = json.loads(read(run.state, MOST_STATE))
        if not _is_state(content):
            return None
        os.kill(content["pid"], 0)
    except (OSError, ValueError, RecursionError):
        return None
    return content


def _is_state(content: Any) -> bool:
    """Has it the shape that `told` and the supervisor give it? Anything may lie there after an accident."""
    if not isinstance(content, dict) or not isinstance(content.get("slots"), dict):
        return False
    pid, slots = content.get("pid"), content["slots"].values()
    shaped = all(isinstance(slot, dict) and {"pid", "state", "why"} <= slot.keys() for slot in slots)
    known = isinstance(content.get("database"), dict) and isinstance(content.get("applied"), dict | None)
    return shaped and known and isinstance(pid, int) and 0 < pid < 2**31
