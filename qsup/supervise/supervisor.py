"""The loop of `qsup run`: hear what happened, let `advance` and `reconcile` decide, act, and wait in one place."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from qsup import messages, reaper
from qsup.board import Board, boottime
from qsup.check.problem import Problem
from qsup.check.unheard import new
from qsup.orders import Missed, Order
from qsup.rundir import RunDirectory
from qsup.supervise import events, signals
from qsup.supervise.adopt import LOOK, Orphans
from qsup.supervise.advance import advance
from qsup.supervise.crew import Crew
from qsup.supervise.database import Tidings
from qsup.supervise.desired import scaled
from qsup.supervise.edit import edit_lines
from qsup.supervise.edits import Answer, Edits, desired_of, findings_of, is_refused, problems_of
from qsup.supervise.ending import ended
from qsup.supervise.events import Event
from qsup.supervise.footing import Footing
from qsup.supervise.hands import Hands
from qsup.supervise.launcher import Reading
from qsup.supervise.liaison import Liaison
from qsup.supervise.model import COURIER, DATABASE, Desired, State
from qsup.supervise.orders import Orders
from qsup.supervise.plan import Exit, lines
from qsup.supervise.reconcile import reconcile
from qsup.supervise.say import Voice, ended_scales
from qsup.supervise.say import told as told_state
from qsup.supervise.statefile import Json, StateFile, told, told_from
from qsup.wake import WakePipe, wait

ORPHANS = "the edit would leave jobs without worker or handler; mend that, or start with `qsup run --allow-orphans`"
ANEW = -1
"""Instead of an exit code: the run directory is lost, begin again with another."""
MOST_ROUNDS = 20
"""A plan that was carried out never asks for more than a few rounds; if it does, the loop still turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What is fixed for the life of a supervisor."""

    config_file: Path
    run: RunDirectory
    board: Board
    lock: int
    """The descriptor that holds run.lock."""
    embedded: bool
    dsn: str
    """Empty when the embedded server will say it, or libpq's variables do."""
    allow_orphans: bool = False
    """Apply edits that leave dispatching code or waiting rows unheard."""


@dataclass(frozen=True, slots=True)
class Start:
    """What there is when the loop begins."""

    first: Desired
    occupied: list[events.Occupied]
    unheard: list[Problem]
    rest: Reading | None
    """Still finds out what is unheard."""


class Supervisor:
    """Knows (`state`) and does (`hands`)."""

    def __init__(self, project: Project, crew: Crew, start: Start, voice: Voice) -> None:
        self.project, self.voice = project, voice
        self.now = boottime()
        self.started = time.time()
        self.boot_epoch = self.started - self.now
        self.state = State(embedded=project.embedded, address=0 if project.embedded else 1)
        self.wake, self.crew = WakePipe(), crew
        self.orphans = Orphans(project.run, project.board)
        # Not resolved: in a ConfigMap the file is a link into a directory that is replaced.
        file = project.config_file.absolute()
        self.liaison = Liaison(self.crew, project.board, str(file), project.dsn)
        self.orders = Orders(self.crew, self.orphans)
        self.obeyed = {0}
        """Commands that the operator has been told of."""
        self.hands = Hands(file, project.run, self.crew, self.liaison, self.orphans, voice.say)
        self.edits = Edits(project.config_file, start.first.source_hash, self.now, self.wake, start.rest)
        self.file = StateFile(project.run.state)
        self.footing = Footing(file, project.run, project.lock, project.board)
        self.database = Tidings(project.config_file, self.liaison, voice, embedded=project.embedded)
        self.rejected: Json | None = None
        self.findings = [found.to_dict() for found in start.unheard]
        """What the served file leaves unheard."""
        self.looking = start.rest is not None
        """Whether the first file is still being compared with the code: no edit is read before that is known."""
        self.look_again: float | None = None
        self.exit_code: int | None = None
        for found in start.occupied:
            self._know(found)
        self._know(events.Loaded(start.first))

    def serve(self) -> int:
        """Until everything is stopped; the exit code."""
        self.wake.catch(*signals.WISHES)
        reaper.become_subreaper()
        try:
            while self.exit_code is None and not self.footing.lost:
                self._hear_all()
                self._act()
                self.orders.look(self.state)
                self._publish()
                if self.exit_code is None and not self.footing.lost:
                    self._wait()
        finally:
            self.edits.close()
            self.file.remove()
        return ANEW if self.exit_code is None else self.exit_code

    def _wait(self) -> None:
        times = [self.crew.ping_due, self.edits.watch.due]
        times += [self.look_again] if self.look_again is not None else []
        times += [self.now + LOOK] if any(not slot.template for slot in self.state.live) else []
        readers, writers = self.crew.descriptors()
        wait([self.wake.read, *readers, *self.edits.descriptors()], writers, min(times) - boottime())

    def _hear_all(self) -> None:
        self.now = boottime()
        self._know(events.Tick())
        for number in self.wake.heard():
            self._obey(signals.WISHES.get(number, "nothing"))  # type: ignore[call-overload]  # a byte of the wake pipe
        for name, message in self.crew.received():
            self._hear(name, message)
        for pid, status in reaper.reap(self._leads):
            self._bury(pid, status)
        for slot, died in self.orphans.look(self.state.live):
            self._worker_died(slot.index, died)
        self.edits.look_at_rows(self.database.dsn)
        answer = self.edits.look(self.now)
        if answer is not None and self.looking:
            self.looking = False
            self._tell_unheard(findings_of(answer))
        elif answer is not None:
            self._edited(answer)
        self.crew.ping(self.now)
        self.voice.say(self.footing.look(self.now))

    def _know(self, *happened: Event) -> None:
        for event in happened:
            self.state = advance(self.state, event, self.now)

    def _act(self) -> None:
        for _ in range(MOST_ROUNDS):
            plan = reconcile(self.state, self.now)
            self.look_again = plan.look_again
            if not plan.actions:
                return
            for line in lines(plan.actions):
                self.voice.say(line)
            for action in plan.actions:
                self._know(*self.hands.carry_out(action, self.state))
                if isinstance(action, Exit):
                    self.exit_code = action.code
                    return

    def _obey(self, wish: signals.Wish) -> None:
        match wish:
            case events.StopAsked() | events.PauseAsked():
                self._know(wish)
            case "reload":
                self.edits.asked, self.edits.patient = True, False
            case "state":
                for line in told_state(self.state):
                    self.voice.say(line)
            case "nothing":
                pass

    def _hear(self, name: str, message: messages.Message) -> None:
        match message:
            case messages.Broken(error):
                self._code_broken(name, error)
            case messages.Forked(slot, pid):
                self._know(events.Forked(slot, pid))
                self.liaison.alive(slot, pid)
            case messages.Serving(slot, pid):
                self._know(events.Serving(slot, pid))
            case messages.Died() if message.slot in self.state.slots:
                self._worker_died(self.state.slots[message.slot].index, message)
            case Order():
                self._order(message)
            case Missed():
                self.orders.missed(message)
            case messages.Say(text):
                self.voice.say(text)
            case messages.Database():
                self._know(*self.database.hear(name, message))
            case messages.Refused():
                self._know(*self.database.refused(message))
            case messages.Applied(generation):
                self.database.applied(generation)
            case _:
                pass
        self._know(events.Heard(name, ready=isinstance(message, messages.Ready)))

    def _order(self, order: Order) -> None:
        if order.command not in self.obeyed and order.verb in ("restart", "scale"):
            self.obeyed.add(order.command)
            self.voice.say(f"{order.who} asks: {order.verb} {order.subject or 'all queues'} (command {order.command})")
        self._know(*self.orders.hear(order, self.state, self.now))

    def _code_broken(self, name: str, error: str) -> None:
        self.voice.say(f"the handlers cannot be used: {error}")
        if self.state.candidate is not None and self.state.candidate.template == name:
            self._reject([Problem(code="Q000", message=error)])
        self._know(events.CodeBroken(name, error, _chance()))

    def _worker_died(self, index: int, message: messages.Died) -> None:
        died = self.liaison.died(index, self.orders.told(message))
        if died.status or died.cause or died.job:
            job = f" in job {died.job}" if died.job else ""
            self.voice.say(f"worker {died.slot} (pid {died.pid}) {ended(died.status, died.cause, bool(died.job))}{job}")
        self._know(events.WorkerDied(died.slot, died.pid, died.status, died.cause, _chance(), bool(died.job)))

    def _bury(self, pid: int, status: int) -> None:
        if self._leads(pid):
            self.orphans.reaped(pid, status)
            return
        self._know(*self.database.buried(pid))
        buried = self.crew.bury(pid)
        if buried is None:
            return
        name, last_words = buried
        for message in last_words:
            self._hear(name, message)
        if name == COURIER:
            self.liaison.gone()
        if self.state.child(name).phase != "stopping":
            self.voice.say(f"{name} (pid {pid}) {ended(status, '')}")
        self._know(events.ChildDied(name, pid, _chance()))

    def _leads(self, pid: int) -> bool:
        return any(slot.pid == pid and not slot.template for slot in self.state.live)

    def _edited(self, answer: Answer) -> None:
        if is_refused(answer):
            self._reject(problems_of(answer))
            return
        newest = self.state.candidate or self.state.desired
        generation = newest.generation + 1 if newest is not None else 1
        desired = desired_of(answer, generation)
        changes = [] if newest is None else edit_lines(newest, desired)
        unheard = new(findings_of(answer), self.findings)
        if changes and unheard and not self.project.allow_orphans:
            self._reject([*unheard, Problem(code="Q310", message=ORPHANS)])
            return
        self._tell_unheard(findings_of(answer))
        self.rejected = None
        if changes:
            self.voice.say(f"{self.project.config_file}: " + "; ".join(changes))
        for line in ended_scales(newest, scaled(desired, self.state.scales)):
            self.voice.say(line)
        self._know(events.Loaded(desired))

    def _tell_unheard(self, findings: list[Problem]) -> None:
        for found in new(findings, self.findings):
            self.voice.say(f"unheard: {found}")
        self.findings = [found.to_dict() for found in findings]

    def _reject(self, problems: list[Problem]) -> None:
        self.rejected = {"at": time.time(), "problems": [problem.to_dict() for problem in problems]}
        for problem in problems:
            self.voice.say(str(problem))
        self.voice.say("the edit is refused; what ran before goes on")

    def _publish(self) -> None:
        database = self.database.known, self.database.declared
        known = self.findings, self.rejected, self.edits.looked
        self.file.write((told_from(self.state), database, known), self._content)

    def _content(self) -> Json:
        return {
            "pid": os.getpid(),
            "started": self.started,
            "config_file": self.liaison.config_file,
            "database": {**self.database.known, "pid": self.state.child(DATABASE).pid},
            "declared": self.database.declared,
            "findings": self.findings,
            "looked": self.edits.looked,
            "rejected": self.rejected,
            **told(self.state, self.boot_epoch),
        }


def _chance() -> float:
    return random.random()  # noqa: S311  jitter, not a secret
