"""Operators' orders, as a solo worker's parent obeys them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qsup.aim import Target, is_at
from qsup.board import boottime
from qsup.messages import Died
from qsup.orders import CAUSES, Obeyed, Order, reason

if TYPE_CHECKING:
    from qsup.solo import Solo


def obey(solo: Solo, order: Order) -> None:
    """Do it, or begin to. The same order may come again."""
    match order.verb:
        case "restart":
            answer(solo, order, *restart(solo, order))
        case "scale":
            why = "how many `qsup worker` processes there are is decided by whoever starts them"
            answer(solo, order, "refused", why)
        case _:
            end_run(solo, order)


def restart(solo: Solo, order: Order) -> tuple[str, str]:
    """Leave after the job, and be started again in place. A process that is younger than the order has been."""
    if order.subject not in ("", solo.queue):
        return "refused", f"{order.subject} is served by the workers of {solo.queue}"
    if boottime() - solo.born < order.age:
        return "done", ""
    if not solo.desk.stopping:
        solo.again = True
        solo.finish()
    return ("taken", "it starts again after its job") if solo.again else ("refused", "it is stopping")


def end_run(solo: Solo, order: Order) -> None:
    """Kill the child if it is at this job. One job is given at a time, so no other one can have begun meanwhile."""
    child, key = solo.child, (order.job, order.claim)
    target = None if child is None else Target(0, child.pid, order.job, order.claim)
    if child is None or target is None or key not in child.peer.jobs or not is_at(solo.identity.board, target):
        answer(solo, order, "taken", f"{order.slot} is not at it at the moment")
        return
    solo.ending = order
    solo.kill(CAUSES[order.verb])


def told(solo: Solo, died: Died) -> Died:
    """The child's death, with the words that its job's story needs when an operator has ended it."""
    order, solo.ending = solo.ending, None
    if order is None or died.cause != CAUSES[order.verb]:
        return died
    answer(solo, order, "done", f"{died.slot} (pid {died.pid}) was killed in job {order.job}")
    return replace(died, detail=reason(order))


def answer(solo: Solo, order: Order, state: str, detail: str) -> None:
    """It is stored at the next look at the house, which is soon."""
    if order.command:
        solo.house.commands.heard(Obeyed(order.command, state, detail))
        solo.look_at_house = 0.0
