"""What calls give that only look something up: `config()`, `env()`, and methods that return a constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qsup.check.php.classes import Class, variable
from qsup.check.php.syntax import Arguments, arguments, children, first, method, receiver, text
from qsup.check.php.terms import Case, Unknown, Value, Values
from qsup.check.php.values import Evaluator, Spot

if TYPE_CHECKING:
    from tree_sitter import Node

Lookup = Callable[[str, Values | None], Values]
"""The key, and what the call gives as default (None: nothing)."""

GETTERS = ("get", "string", "integer", "boolean", "array")


class Functions:
    """The calls that an Evaluator asks about; `config` and `env` answer for the application's configuration."""

    def __init__(self, config: Lookup, env: Lookup) -> None:
        self.config = config
        self.env = env

    def __call__(self, evaluate: Evaluator, call: Node, spot: Spot) -> Values:
        given = arguments(call)
        lookup = self._lookup(call, spot)
        if lookup is not None and (given.placed or given.named):
            default = given.get(1, "default")
            others = evaluate(default, spot) if default is not None else None
            keys = evaluate(given.get(0, "key"), spot)
            return tuple(value for key in keys for value in self._looked_up(lookup, key, others))
        if call.type == "function_call_expression":
            return self._function(evaluate, call, given, spot)
        return _method(evaluate, call, given, spot)

    def _lookup(self, call: Node, spot: Spot) -> Lookup | None:
        name, on = method(call), receiver(call)
        if call.type == "function_call_expression":
            return {"config": self.config, "env": self.env}.get(name)
        if on is None or name not in GETTERS:
            return None
        if call.type == "scoped_call_expression":
            facade = spot.file.full(text(on), on).rpartition("\\")[2]
            return {"Config": self.config, "Env": self.env}.get(facade)
        plain = on.type == "function_call_expression" and method(on) == "config" and not arguments(on).placed
        return self.config if plain else None

    def _looked_up(self, lookup: Lookup, key: Value, default: Values | None) -> Values:
        return lookup(key, default) if isinstance(key, str) else (Unknown("the key is not known"),)

    def _function(self, evaluate: Evaluator, call: Node, given: Arguments, spot: Spot) -> Values:
        name = method(call)
        if name == "enum_value":
            values = evaluate(given.get(0, "value"), spot)
            return tuple(value.text if isinstance(value, Case) else value for value in values)
        return (Unknown(f"{name or 'the function'}() gives it when the program runs"),)


def _method(evaluate: Evaluator, call: Node, given: Arguments, spot: Spot) -> Values:
    name, on = method(call), receiver(call)
    unknown = (Unknown(f"{name or 'the method'}() gives it when the program runs"),)
    if on is None or not name:
        return unknown
    if text(on) == "$this" and "this" not in spot.given:
        one = spot.static or spot.holder
        return _returned(evaluate, one, name, given, spot, {}) if one else unknown
    if call.type == "scoped_call_expression":
        found = evaluate.named(on, spot)
        if not isinstance(found, Class):
            return unknown
        through = found if text(on).lower() not in ("self", "static", "parent") else spot.static or found
        return _returned(evaluate, found, name, given, Spot(spot.file, spot.holder, through, spot.given), {}) or unknown
    owners = evaluate(on, spot)
    answers: Values = ()
    for owner in owners:
        one = evaluate.classes.find(owner.enum) if isinstance(owner, Case) else None
        if one is None:
            return (owner,) if isinstance(owner, Unknown) else unknown
        answers += _returned(evaluate, one, name, given, Spot(one.file, one, one), {"this": (owner,)})
    return answers or unknown


def _returned(
    evaluate: Evaluator, one: Class, name: str, given: Arguments, spot: Spot, more: dict[str, Values]
) -> Values:
    found = evaluate.classes.method(one, name)
    if found is None:
        return (Unknown(f"{name}() gives it when the program runs"),)
    holder, node = found
    inside = Spot(holder.file, holder, spot.static or one, bind(evaluate, node, given, spot, holder) | more)
    return evaluate.returned(holder, node, inside)


def bind(evaluate: Evaluator, function: Node, given: Arguments, spot: Spot, holder: Class) -> dict[str, Values]:
    """The values of a function's parameters: what a call at `spot` hands in, else their defaults."""
    bound: dict[str, Values] = {}
    parameters = function.child_by_field_name("parameters")
    for index, parameter in enumerate(children(parameters) if parameters is not None else ()):
        name = variable(parameter)
        argument = given.get(index, name)
        default = parameter.child_by_field_name("default_value")
        if argument is not None:
            bound[name] = evaluate(argument, spot)
        elif default is not None and not given.spread:
            bound[name] = evaluate(default, Spot(holder.file, holder, holder))
    return bound


def parameter_type(function: Node | None, name: str) -> Node | None:
    """The class name in a parameter's type, when it is one class."""
    parameters = function.child_by_field_name("parameters") if function is not None else None
    for parameter in children(parameters) if parameters is not None else ():
        if variable(parameter) == name:
            return class_of_type(parameter.child_by_field_name("type"))
    return None


def class_of_type(node: Node | None) -> Node | None:
    """The class name in `X`, `?X`; None for unions and built-in types."""
    while node is not None and node.type in ("optional_type", "named_type"):
        node = first(node)
    return node if node is not None and node.type in ("name", "qualified_name", "relative_name") else None
