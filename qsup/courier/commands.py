"""Operators' commands, as the house sees them: rows of qsup.commands that this supervisor has not answered for good.

What the database alone can do is done here, by every house and by the command that was given: cancelling what waits,
closing what is over. The rest goes to the supervisor as orders, each second again until it is answered, so that neither
a courier nor a supervisor that dies in the middle loses one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from qsup import orderbook
from qsup.courier.duty import Duty
from qsup.orderbook import Command
from qsup.orders import JOB_VERBS, QUEUE_VERBS, Obeyed, Order

LOOK = 1.0
"""Seconds between looks; a notification shortens them."""
SOON = 0.02
AGAIN = 0.5
"""Seconds after which an order that is not answered for good is sent again."""


@dataclass(slots=True)
class Commands:
    """What of them this process remembers; losing it costs a repetition, never a command."""

    answers: deque[Obeyed] = field(default_factory=deque)
    """Not stored yet."""
    _paused_at: dict[int, float] = field(default_factory=dict)
    """Pauses that the claim loop may not have felt yet: command → when we saw it."""
    _sent: dict[int, float] = field(default_factory=dict)
    """Command → when the supervisor was last told."""
    _stored: dict[int, Obeyed] = field(default_factory=dict)
    """Command → its last stored answer."""
    _scales: dict[str, Any] | None = None
    """What the supervisor was told last."""

    @property
    def unsettled(self) -> bool:
        """Whether there is something to say, though nobody asks."""
        return bool(self.answers) or self._scales is None

    def heard(self, obeyed: Obeyed) -> None:
        """From another thread: the supervisor's answer."""
        self.answers.append(obeyed)

    def forget(self) -> None:
        """A new connection: tell the supervisor again what holds."""
        self._scales = None
        self._stored.clear()

    def turn(self, conn: psycopg.Connection[Any], duty: Duty, wake: Callable[[str], None]) -> float:
        """Look at all that are open; seconds until the next look."""
        self._store_answers(conn, duty)
        commands = orderbook.open_commands(conn, duty.supervisor)
        # After the commands: a scale and its command are of one transaction, so who sees the one finds the other.
        self._tell_scales(conn, duty)
        for command in commands:
            self._obey(conn, command, duty, wake)
        if any(command.verb in JOB_VERBS for command in commands):
            self._pursue(conn, commands, duty)
        if any(command.verb in QUEUE_VERBS for command in commands):
            orderbook.close_answered(conn)
        known = {command.id for command in commands}
        for memory in (self._paused_at, self._sent, self._stored):
            for number in memory.keys() - known:
                del memory[number]
        return SOON if self._paused_at else LOOK

    def _store_answers(self, conn: psycopg.Connection[Any], duty: Duty) -> None:
        while self.answers:
            one = self.answers[0]
            if self._stored.get(one.command) != one:
                orderbook.answer(conn, one.command, duty.supervisor, one.state, one.detail)
                self._stored[one.command] = one
            self.answers.popleft()

    def _obey(self, conn: psycopg.Connection[Any], command: Command, duty: Duty, wake: Callable[[str], None]) -> None:
        if command.state not in ("asked", "taken"):
            return
        match command.verb:
            case "pause" if duty.turned_at() <= self._paused_at.setdefault(command.id, time.monotonic()):
                # A claim may be under way that has not seen the pause: answered when the claim loop has turned since.
                wake(command.subject)
            case "pause" | "resume":
                self._paused_at.pop(command.id, None)
                orderbook.answer(conn, command.id, duty.supervisor, "done", "")
            case "restart":
                self._send(duty, _order(command))
            case "scale":
                self._send(duty, replace(_order(command), scales=self._scales or {}))
            case _:
                pass

    def _pursue(self, conn: psycopg.Connection[Any], commands: Iterable[Command], duty: Duty) -> None:
        orderbook.pursue_jobs(conn)
        given = {command.id: command for command in commands}
        for aim in orderbook.aims(conn, duty.supervisor):
            if (one := given.get(aim.command)) is not None:
                self._send(duty, replace(_order(one), slot=aim.slot, job=aim.job, claim=aim.claim))

    def _send(self, duty: Duty, order: Order) -> None:
        # Again after a while: whoever is to obey may have died meanwhile. Not at every look: its answer wakes us.
        now = time.monotonic()
        if now - self._sent.get(order.command, 0.0) >= AGAIN:
            self._sent[order.command] = now
            duty.obey(order)

    def _tell_scales(self, conn: psycopg.Connection[Any], duty: Duty) -> None:
        if duty.solo:
            return
        orders = orderbook.queue_orders(conn).values()
        scales = {one.queue: [one.scale, one.scaled_from] for one in orders if one.scale is not None}
        for one in orders:
            said = duty.routing.queues.get(one.queue)
            if said is not None and one.scaled_from is not None and said.workers not in one.scaled_from:
                orderbook.end_scale(conn, one.queue, said.workers, duty.supervisor)
        if scales != self._scales:
            self._scales = scales
            duty.obey(Order(0, "scale", scales=scales))


def _order(command: Command) -> Order:
    return Order(command.id, command.verb, command.subject, command.who, command.age)
