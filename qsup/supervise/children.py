"""The supervisor's own children: which of courier, database child and templates should run, and which are too silent.

The part of `reconcile` that is not about workers.
"""

from __future__ import annotations

from collections.abc import Iterator

from qsup.supervise.model import COURIER, DATABASE, TEMPLATE, Child, State
from qsup.supervise.plan import Action, KillChild, StartChild, StopChild

SILENCE = 5.0
"""Seconds without an answer after which a child that has answered before is replaced."""
FIRST_WORD = 120.0
"""The same for a child that has not said anything yet: importing the handlers, creating the database."""
STOP_PATIENCE = {COURIER: 15.0, DATABASE: 30.0}
"""Seconds that a stopping child may need; a template that is told to stop has no workers."""
TEMPLATE_STOP_PATIENCE = 5.0


def child_actions(state: State, now: float) -> Iterator[Action]:
    """Start, stop and kill."""
    wanted = wanted_children(state)
    for name, why in wanted.items():
        child = state.child(name)
        if child.phase == "down" and child.not_before <= now:
            yield StartChild(name, f"{why}; the last one {_last(child)}" if child.crashes else why)
    for child in state.children.values():
        if child.phase in ("starting", "ready") and child.name not in wanted:
            yield StopChild(child.name, _unwanted(state, child))
        elif child.running and _silent_at(child) <= now:
            yield KillChild(child.name, child.pid, _silence(child))


def child_times(state: State) -> Iterator[float]:
    """When the above may come out differently."""
    for name in wanted_children(state):
        if not state.child(name).running:
            yield state.child(name).not_before
    for child in state.children.values():
        if child.running:
            yield _silent_at(child)


def wanted_children(state: State) -> dict[str, str]:
    """Name → why. The database ends after the courier, which ends after the last worker has reported."""
    working = not state.stopping or bool(state.live)
    wanted: dict[str, str] = {}
    if state.embedded and (working or state.child(COURIER).running):
        wanted[DATABASE] = "this project uses the embedded PostgreSQL"
    if working:
        wanted[COURIER] = "it works with the database for all workers"
    if not state.stopping and state.desired is not None:
        wanted[state.desired.template] = "it forks the workers"
    if not state.stopping and state.candidate is not None:
        first = state.desired is None
        wanted[state.candidate.template] = "it forks the workers" if first else "the code of the edit must be tried"
    for slot in state.live:
        if slot.template:
            wanted.setdefault(slot.template, "it has workers")
    # A template that has died is started again only to fork, never for the sake of workers that it has lost.
    return {name: why for name, why in wanted.items() if why != "it has workers" or state.child(name).running}


def _unwanted(state: State, child: Child) -> str:
    if state.stopping:
        return "stopping, and all workers have left"
    return (
        "its code is not served any more and its last worker has left" if child.name.startswith(TEMPLATE) else "ended"
    )


def _last(child: Child) -> str:
    return f"was not able to load: {child.error.splitlines()[0]}" if child.error else "died"


def _silent_at(child: Child) -> float:
    if child.phase == "stopping":
        return child.since + STOP_PATIENCE.get(child.name, TEMPLATE_STOP_PATIENCE)
    return child.heard + SILENCE if child.heard else child.since + FIRST_WORD


def _silence(child: Child) -> str:
    if child.phase == "stopping":
        return "it was told to stop and did not"
    return f"no answer for {SILENCE:g} s" if child.heard else f"no word in the first {FIRST_WORD:g} s"
