"""`Queue::route` and `Queue::forward` (Laravel 13): which queue classes go to, and which queue stands for another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from qsup.check.php.application import Application
from qsup.check.php.own import NOTHING, Named, Names, Setting, named
from qsup.check.php.source import File
from qsup.check.php.syntax import FUNCTIONS, Arguments, arguments, bare, children, method, receiver, text, within
from qsup.check.php.values import Spot

if TYPE_CHECKING:
    from tree_sitter import Node

PERHAPS = ("if_statement", "switch_statement", "conditional_expression", "match_expression", *FUNCTIONS[2:])
"""What stands in these is not always done."""

Routes = dict[str, dict[Setting, Names]]


def read(app: Application, files: Iterable[File]) -> tuple[Routes, dict[str, Names]]:
    """The routes by a class's full name in lower case, and the forwards by queue."""
    routes: Routes = {}
    forwards: dict[str, Names] = {}
    for file in files:
        for call in file.nodes.get("call", []):
            name = method(call)
            if name in ("route", "forward") and _is_queue(app, file, call):
                spot = Spot(file, app.classes.around(file, call))
                if name == "route":
                    routes |= dict(_routes(app, arguments(call), spot))
                else:
                    forwards |= _forward(app, call, spot)
    return routes, forwards


def _is_queue(app: Application, file: File, call: Node) -> bool:
    scope = receiver(call)
    if call.type != "scoped_call_expression" or scope is None:
        return False
    full = file.full(text(scope), scope)
    return full.rpartition("\\")[2] == "Queue" and app.classes.find(full) is None


def _routes(app: Application, given: Arguments, spot: Spot) -> Iterator[tuple[str, dict[Setting, Names]]]:
    first = given.get(0, "class")
    if first is None:
        return
    first = bare(first)
    if first.type != "array_creation_expression":
        names = _names(app, given.get(1, "queue"), spot)
        connection = _names(app, given.get(2, "connection"), spot)
        for key in _keys(app, first, spot):
            yield key, {"queue": names, "connection": connection}
        return
    for element in children(first, "array_element_initializer"):
        parts = list(children(element))
        if len(parts) == 2:
            yield from ((key, _to(app, parts[1], spot)) for key in _keys(app, parts[0], spot))


def _to(app: Application, value: Node, spot: Spot) -> dict[Setting, Names]:
    """A queue, or a list of a connection and a queue."""
    if value.type != "array_creation_expression":
        return {"queue": _names(app, value, spot)}
    items = [list(children(element))[-1] for element in children(value, "array_element_initializer")]
    both = [*(_names(app, item, spot) for item in items), NOTHING, NOTHING]
    return {"connection": both[0], "queue": both[1]}


def _keys(app: Application, node: Node, spot: Spot) -> list[str]:
    return [value.lstrip("\\").lower() for value in app.evaluate(node, spot) if isinstance(value, str)]


def _names(app: Application, node: Node | None, spot: Spot) -> Names:
    return named(app.evaluate(node, spot), node, spot.file) if node is not None else NOTHING


def _forward(app: Application, call: Node, spot: Spot) -> dict[str, Names]:
    given = arguments(call)
    source, target = _names(app, given.get(0, "from", "queue"), spot), _names(app, given.get(1, "to"), spot)
    perhaps = any(within(call, kind) is not None for kind in PERHAPS)
    return {name.name: (*target, Named(name.name)) if perhaps else target for name in source if name.name}
