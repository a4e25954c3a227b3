"""What is chained to a dispatch: `->onQueue()`, `->onConnection()`, `->chain()`, and through a variable too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qsup.check.php.jobs import SETS, Jobs
from qsup.check.php.own import NOTHING, Effects, Names, named
from qsup.check.php.syntax import FUNCTIONS, arguments, method, modifiers, text, top, within

if TYPE_CHECKING:
    from tree_sitter import Node

AT_ONCE = ("afterresponse",)
"""What makes a pending dispatch run in this process, without a queue."""


@dataclass(slots=True)
class Pending:
    """What the calls chained to a dispatch say."""

    queue: Names = NOTHING
    connection: Names = NOTHING
    chain: Names = NOTHING
    lists: list[Node] = field(default_factory=list)
    at_once: bool = False


def pending_of(jobs: Jobs, call: Node) -> Pending:
    """What is chained to the call, there or through a variable that holds its result."""
    pending = Pending()
    for node in modifiers(call):
        name = method(node)
        value = arguments(node).get(0, "queue", "connection", "chain")
        pending.at_once |= name in AT_ONCE
        if name == "chain" and value is not None:
            pending.lists.append(value)
        if name not in SETS:
            continue
        jobs.used.add(node.id)
        names = names_of(jobs, value)
        if name in ("onqueue", "allonqueue"):
            pending.queue = names
            pending.chain = names if name == "allonqueue" else pending.chain
        else:
            pending.connection = names
    _through_a_variable(jobs, call, pending)
    return pending


def _through_a_variable(jobs: Jobs, call: Node, pending: Pending) -> None:
    around = top(call).parent
    left = around.child_by_field_name("left") if around is not None else None
    function = within(call, *FUNCTIONS, "program")
    if around is None or around.type != "assignment_expression" or left is None or function is None:
        return
    if left.type == "variable_name":
        body, name = function.child_by_field_name("body") or function, text(left).lstrip("$")
        effects = Effects(jobs.own, "queue", name, jobs.spot(call))
        pending.queue = effects.run(body, pending.queue)
        jobs.used |= {node.id for node in effects.seen}


def names_of(jobs: Jobs, value: Node | None) -> Names:
    """The names that an argument may be."""
    if value is None:
        return NOTHING
    return named(jobs.app.evaluate(value, jobs.spot(value)), value, jobs.file)
