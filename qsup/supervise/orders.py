"""Operators' orders, as the supervisor obeys them.

The same order may come again, from the same courier or its successor: each says what should be so, and is answered by
what is so.
"""

from __future__ import annotations

from dataclasses import replace

from qsup.aim import Target
from qsup.board import CAPACITY
from qsup.messages import Died, Signal
from qsup.orders import CAUSES, Missed, Obeyed, Order, reason
from qsup.supervise.adopt import Orphans
from qsup.supervise.crew import Crew
from qsup.supervise.desired import scaled
from qsup.supervise.events import Event, RestartAsked, Scaled
from qsup.supervise.model import COURIER, Desired, Scale, State
from qsup.supervise.reconcile import restarting

KILL = 9


class Orders:
    """Those that are not answered for good yet."""

    def __init__(self, crew: Crew, orphans: Orphans) -> None:
        self.crew, self.orphans = crew, orphans
        self._restarts: dict[int, Order] = {}
        """By command: those that are not carried out to the end."""
        self._since: dict[int, float] = {}
        """Every restart that was ever asked for: before when a worker is too old for it."""
        self._said: dict[int, str] = {}
        """How many workers were still to be replaced when it was last said."""
        self._scales: list[Order] = []
        self._kills: dict[tuple[int, str], Order] = {}
        """By the pid of the worker and the cause."""

    def hear(self, order: Order, state: State, now: float) -> list[Event]:
        """Begin to obey; what happened thereby."""
        match order.verb:
            case "restart":
                return self._restart(order, state, now)
            case "scale":
                return self._scale(order, state)
            case _:
                self._end_run(order, state)
                return []

    def look(self, state: State) -> None:
        """Say what has become of them."""
        for order in self._scales:
            self._answer(order, *_scale_answer(order, state))
        self._scales.clear()
        for command, order in list(self._restarts.items()):
            left = [slot for queue in _queues(order, state) for slot in restarting(state, queue)]
            told = f"{len(left)} to replace: {', '.join(left)}" if left else ""
            if self._said.get(command) != told:
                self._said[command] = told
                self._answer(order, "taken" if left else "done", told)
            if not left:
                del self._restarts[command]

    def told(self, died: Died) -> Died:
        """The death of a worker that an operator has ended, with the words that its job's story needs."""
        order = self._kills.pop((died.pid, died.cause), None)
        for key in [key for key in self._kills if key[0] == died.pid]:
            # It died of something else; the courier's house looks where the job is now.
            del self._kills[key]
        if order is None:
            return died
        self._answer(order, "done", f"{died.slot} (pid {died.pid}) was killed in job {order.job}")
        return replace(died, detail=reason(order))

    def missed(self, missed: Missed) -> None:
        """The worker was not at that job."""
        for key, order in list(self._kills.items()):
            if key[0] == missed.pid and (order.job, order.claim) == (missed.job, missed.claim):
                del self._kills[key]
                self._answer(order, "taken", f"{missed.slot} is not at it at the moment")

    def _restart(self, order: Order, state: State, now: float) -> list[Event]:
        self._said.pop(order.command, None)
        if why := _not_mine(order.subject, state):
            self._answer(order, "refused", why)
            return []
        # What comes again means the workers that were too old when it came first.
        at = self._since.setdefault(order.command, now - order.age)
        self._restarts[order.command] = order
        return [RestartAsked(_queues(order, state), at)]

    def _scale(self, order: Order, state: State) -> list[Event]:
        scales = {queue: Scale(workers, tuple(made_from)) for queue, (workers, made_from) in order.scales.items()}
        if (most := _most_slots(state, scales)) > CAPACITY:
            self._answer(order, "refused", f"that would be {most} workers here; at most {CAPACITY} have a place")
            return []
        self._scales += [order] if order.command else []
        return [] if scales == state.scales else [Scaled(scales)]

    def _end_run(self, order: Order, state: State) -> None:
        slot = state.slots.get(order.slot)
        if slot is None or slot.phase == "empty" or not slot.pid:
            self._answer(order, "taken", f"{order.slot} has no worker at the moment")
            return
        cause = CAUSES[order.verb]
        self._kills[slot.pid, cause] = order
        signal = Signal(slot.name, slot.pid, KILL, group=True, cause=cause, job=order.job, claim=order.claim)
        if self.crew.send(slot.template, signal):
            return
        if self.orphans.kill_in(Target(slot.index, slot.pid, order.job, order.claim), cause) is False:
            self.missed(Missed(slot.name, slot.pid, order.job, order.claim))

    def _answer(self, order: Order, state: str, detail: str) -> None:
        if order.command:
            self.crew.send(COURIER, Obeyed(order.command, state, detail))


def _queues(order: Order, state: State) -> tuple[str, ...]:
    if order.subject:
        return (order.subject,)
    return () if state.desired is None else tuple({wanted.queue: None for wanted in state.desired.slots.values()})


def _not_mine(queue: str, state: State) -> str:
    """Why this supervisor has no workers of that queue; empty when it has, or when all are meant."""
    if state.stopping:
        return "it is stopping"
    if state.desired is None:
        return "it serves nothing yet"
    queues = state.desired.routing.queues
    if not queue or (queue in queues and queues[queue].workers):
        return ""
    if queue not in queues:
        return f"its file declares no queue {queue}"
    server = state.desired.routing.server(queue)
    return f"{queue} is served by the workers of {server}" if server else f"{queue} has no workers"


def _scale_answer(order: Order, state: State) -> tuple[str, str]:
    if why := _not_mine(order.subject, state):
        return "refused", why
    if not order.subject or state.desired is None:
        return "refused", "it names no queue"
    desired, queue = state.candidate or state.desired, order.subject
    says, workers = state.desired.routing.queues[queue].workers, state.desired.workers(queue)
    if queue in order.scales and queue not in desired.scaled:
        return "refused", f"its file says {says}, which is another number than the scale was made from"
    return "done", f"{workers} worker{'' if workers == 1 else 's'}{'' if says == workers else f' (file: {says})'}"


def _most_slots(state: State, scales: dict[str, Scale]) -> int:
    def slots(one: Desired | None) -> int:
        return 0 if one is None else len(scaled(one, scales).slots)

    return max(slots(state.desired), slots(state.candidate))
