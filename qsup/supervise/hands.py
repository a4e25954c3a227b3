"""Carries out the actions of a plan. There is no decision in this module: `reconcile` has made them all."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from qsup import messages, reaper, slots
from qsup.rundir import RunDirectory
from qsup.supervise import launcher, plan
from qsup.supervise.adopt import Orphans
from qsup.supervise.crew import Crew
from qsup.supervise.events import ChildDied, Event, Occupied, Taken, WorkerDied
from qsup.supervise.liaison import Liaison
from qsup.supervise.model import COURIER, DATABASE, TEMPLATE, Desired, State

MODULES = {COURIER: launcher.COURIER, DATABASE: "qsup.embedded"}
NO_PROCESS = -1


@dataclass(frozen=True, slots=True)
class Hands:
    """What is needed to act."""

    config_file: Path
    """Absolute: handlers that dispatch find the project's database by it, whatever their working directory."""
    run: RunDirectory
    crew: Crew
    liaison: Liaison
    orphans: Orphans
    say: Callable[[str], None]

    def carry_out(self, action: plan.Action, state: State) -> list[Event]:
        """Do it; what happened thereby."""
        match action:
            case plan.StartChild(name=name):
                return self._start(action, name, state)
            case plan.StopChild(name=name):
                self.crew.send(name, messages.Stop())
            case plan.KillChild(pid=pid):
                reaper.kill(pid, signal.SIGKILL)
            case plan.StartWorker():
                return self._fork(action)
            case plan.StopWorker(slot=slot, pid=pid):
                self._signal(state, slot, pid)
            case plan.KillWorker(slot=slot, pid=pid, cause=cause):
                self._kill(state, slot, pid, cause)
            case plan.ConfigureCourier(paused=paused, roster=roster):
                if state.desired is not None:
                    self.liaison.configure(state.desired, paused=paused, roster=state.live if roster else None)
            case plan.PauseCourier(paused=paused):
                self.liaison.pause(paused)
            case plan.Exit():
                pass
            case _:
                assert_never(action)
        return [Taken(action)]

    def _start(self, action: plan.Action, name: str, state: State) -> list[Event]:
        try:
            pid = self.crew.start(name, MODULES.get(name, launcher.TEMPLATE), launcher.told(self.run, self.config_file))
        except OSError as error:
            self.say(f"{name} cannot be started: {error.strerror}")
            # The machine is full; as if it had died at once: tried again, later and later.
            chance = random.random()  # noqa: S311  jitter, not a secret
            return [Taken(action, NO_PROCESS), ChildDied(name, NO_PROCESS, chance)]
        if name.startswith(TEMPLATE):
            wanted = _code_of(name, state)
            self.crew.send(name, messages.Load(list(wanted.modules), str(self.config_file.parent), str(self.run.path)))
        elif name == COURIER:
            # Its first word, for which one that was forked waits.
            self.crew.send(name, messages.Ping(0))
        return [Taken(action, pid)]

    def _fork(self, action: plan.StartWorker) -> list[Event]:
        try:
            holder = slots.holder(self.run, action.index)
        except OSError as error:
            self.say(f"no worker can be started for {action.slot}: {error.strerror}")
            # No descriptor to be had, or the directory is away; as if the worker had died at once.
            chance = random.random()  # noqa: S311  jitter, not a secret
            return [Taken(action), WorkerDied(action.slot, 0, 1, "", chance)]
        if holder is not None:
            return [Occupied(action.slot, action.index, holder)]
        spec = action.spec
        fork = messages.Fork(action.slot, action.index, spec.memory, spec.max_time, spec.max_jobs, spec.start)
        self.crew.send(action.template, fork)
        return [Taken(action)]

    def _signal(self, state: State, slot: str, pid: int) -> None:
        told = self.crew.send(state.slots[slot].template, messages.Signal(slot, pid, signal.SIGTERM))
        if not told:
            reaper.kill(pid, signal.SIGTERM)

    def _kill(self, state: State, slot: str, pid: int, cause: str) -> None:
        order = messages.Signal(slot, pid, signal.SIGKILL, group=True, cause=cause)
        if not self.crew.send(state.slots[slot].template, order):
            self.orphans.kill(pid, cause)


def _code_of(template: str, state: State) -> Desired:
    """The generation whose code this template is for: only those of the served and of the next one are started."""
    if state.candidate is not None and state.candidate.template == template:
        return state.candidate
    assert state.desired is not None  # noqa: S101  no template is wanted before the first file is read
    return state.desired
