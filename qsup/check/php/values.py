"""What a PHP expression may be when the program runs, worked out from the source: every possible value, or why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qsup.check.php.classes import Class, Classes
from qsup.check.php.source import File
from qsup.check.php.syntax import bare, children, first, text
from qsup.check.php.terms import ESCAPES, LITERALS, WHEN_IT_RUNS, Case, Listed, Unknown, Value, Values, as_text, cast

if TYPE_CHECKING:
    from tree_sitter import Node

MOST = 16
"""Possible values of one expression that are told apart."""
DEEPEST = 40
"""Expressions in expressions, constants of constants."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an expression stands: the file, the class around it and the one it is used through, what is handed in."""

    file: File
    holder: Class | None = None
    static: Class | None = None
    given: Mapping[str, Values] = field(default_factory=dict)
    """The values of parameters, where a call is followed into a function."""

    def of(self, holder: Class, given: Mapping[str, Values] | None = None) -> Spot:
        """The same, in the body of another class of the line."""
        return Spot(holder.file, holder, self.static or self.holder or holder, given or {})


@dataclass(slots=True)
class Evaluator:
    """Works out expressions."""

    classes: Classes
    result: Callable[[Evaluator, Node, Spot], Values]
    """What a call gives: qsup.check.php.functions."""
    constants: dict[str, tuple[Node, File]] = field(default_factory=dict)
    """Global constants by full name."""
    depth: int = 0

    def __call__(self, node: Node | None, spot: Spot) -> Values:
        """Every value that `node` may have."""
        if node is None:
            return (None,)
        if self.depth >= DEEPEST:
            return (Unknown("the expression is nested too deeply"),)
        self.depth += 1
        try:
            found = tuple(dict.fromkeys(self._of(bare(node), spot)))
        finally:
            self.depth -= 1
        return found if len(found) <= MOST else (Unknown("it may be one of too many values"),)

    def _of(self, node: Node, spot: Spot) -> Iterable[Value]:
        if node.type in LITERALS:
            return [LITERALS[node.type](node)]
        rule = RULES.get(node.type)
        return rule(self, node, spot) if rule else [WHEN_IT_RUNS]

    def _joined(self, parts: Iterable[Values]) -> Values:
        """All ways to put the parts together; the first thing that is unknown is the answer."""
        ways: list[str] = [""]
        for values in parts:
            unknown = next((value for value in values if isinstance(value, Unknown | Listed)), None)
            if unknown is not None:
                return (unknown if isinstance(unknown, Unknown) else WHEN_IT_RUNS,)
            ways = [before + as_text(value) for before in ways for value in values][: MOST + 1]
        return tuple(ways)

    def encapsed(self, node: Node, spot: Spot) -> Values:
        """A string in double quotes."""
        parts: list[Values] = []
        for part in node.named_children:
            match part.type:
                case "string_content":
                    parts.append((text(part),))
                case "escape_sequence":
                    parts.append((ESCAPES.get(text(part), text(part)),))
                case _:
                    parts.append(self(part, spot))
        return self._joined(parts)

    def binary(self, node: Node, spot: Spot) -> Values:
        """`.` and `??`."""
        operator = text(node.child_by_field_name("operator"))
        left = self(node.child_by_field_name("left"), spot)
        if operator not in (".", "??"):
            return (WHEN_IT_RUNS,)
        right = self(node.child_by_field_name("right"), spot)
        if operator == ".":
            return self._joined((left, right))
        sure = tuple(value for value in left if value is not None)
        return sure if len(sure) == len(left) and not _unsure(left) else (*sure, *right)

    def conditional(self, node: Node, spot: Spot) -> Values:
        """`a ? b : c` and `a ?: c`."""
        body, other = node.child_by_field_name("body"), node.child_by_field_name("alternative")
        if body is not None:
            return (*self(body, spot), *self(other, spot))
        given = self(node.child_by_field_name("condition"), spot)
        sure = tuple(value for value in given if value or isinstance(value, Unknown))
        return sure if len(sure) == len(given) and not _unsure(given) else (*sure, *self(other, spot))

    def match(self, node: Node, spot: Spot) -> Values:
        """The arms that can be reached; all of them when the subject is not known."""
        subject = self(node.child_by_field_name("condition"), spot)
        arms = list(children(node.child_by_field_name("body") or node))
        known = None if _unsure(subject) or len(subject) != 1 else subject[0]
        found: Values = ()
        for arm in arms:
            wanted = arm.child_by_field_name("conditional_expressions")
            options = [value for part in children(wanted) for value in self(part, spot)] if wanted is not None else []
            value = self(arm.child_by_field_name("return_expression"), spot)
            if known is not None and not isinstance(known, bool) and not any(_unsure([one]) for one in options):
                if known in options:
                    return value
                if options:
                    continue
            found += value
        return found or (WHEN_IT_RUNS,)

    def class_constant(self, node: Node, spot: Spot) -> Values:
        """`X::CONST`, `X::class` and an enum's case."""
        scope, name = node.named_children[0], text(node.named_children[-1])
        one = self.named(scope, spot)
        if name.lower() == "class":
            return (one,) if isinstance(one, str) else (one.name,) if one else (WHEN_IT_RUNS,)
        if not isinstance(one, Class):
            where = f"{one or text(scope)}::{name}"
            return (Unknown(f"{where} is not in the code"),)
        return self.constant(one, name, Spot(one.file, one, one))

    def constant(self, one: Class, name: str, spot: Spot) -> Values:
        """The constant or case of a class, through what it inherits."""
        for step in self.classes.lineage(one):
            if name in step.cases:
                value = self(step.cases[name], spot.of(step)) if step.cases[name] is not None else (name,)
                return (Case(step.name, name, value[0]),)
            if name in step.constants:
                return self(step.constants[name], Spot(step.file, step, spot.static or one))
        return (Unknown(f"{one.short}::{name} is not in the code"),)

    def named(self, scope: Node, spot: Spot) -> Class | str | None:
        """The class that a name before `::` means; its full name when its source is not there."""
        name = text(scope)
        match name.lower():
            case "self":
                return spot.holder
            case "static":
                return spot.static or spot.holder
            case "parent":
                above = spot.holder.parents[0] if spot.holder and spot.holder.parents else None
                return (self.classes.find(above) or above) if above else None
        if scope.type not in ("name", "qualified_name", "relative_name"):
            return None
        full = spot.file.full(name, scope)
        return self.classes.find(full) or full

    def global_constant(self, node: Node, spot: Spot) -> Values:
        """`NAME`, of `const NAME = …` or `define('NAME', …)`."""
        name = text(node).lstrip("\\")
        scope = spot.file.scope(node)
        for full in (scope.constants.get(name), f"{scope.namespace}\\{name}", name):
            if full and full in self.constants:
                value, file = self.constants[full]
                return self(value, Spot(file))
        return (Unknown(f"the constant {name} is not in the code"),)

    def variable(self, node: Node, spot: Spot) -> Values:
        """A parameter that was handed in; any other variable is unknown."""
        name = text(node).lstrip("$")
        return spot.given.get(name, (Unknown(f"it is the variable ${name}"),))

    def member(self, node: Node, spot: Spot) -> Values:
        """`->value` and `->name` of an enum's case; `$this->x` where nothing ever changes it."""
        name = text(node.child_by_field_name("name"))
        owner = bare(node.child_by_field_name("object") or node)
        if text(owner) == "$this" and "this" not in spot.given:
            return self._own_property(name, spot)
        found = self(owner, spot)
        if name == "value" and all(isinstance(value, Case) for value in found):
            return tuple(value.text for value in found if isinstance(value, Case))
        if name == "name" and all(isinstance(value, Case) for value in found):
            return tuple(value.name for value in found if isinstance(value, Case))
        return (next((value for value in found if isinstance(value, Unknown)), WHEN_IT_RUNS),)

    def _own_property(self, name: str, spot: Spot) -> Values:
        one = spot.static or spot.holder
        found = self.classes.property(one, name) if one else None
        unknown = (Unknown(f"it is the property $this->{name}"),)
        if one is None or found is None or found[1].type != "property_element":
            return unknown
        holder, element = found
        value = element.child_by_field_name("default_value")
        written = re.compile(rf"->\s*{re.escape(name)}\s*(?:\?\?|\.)?=[^=>]")
        if value is None or any(written.search(text(step.node)) for step in self.classes.lineage(one)):
            return unknown
        return self(value, spot.of(holder))

    def array(self, node: Node, spot: Spot) -> Values:
        """An array, each item under its key or its number."""
        items: dict[str, Values] = {}
        unclear = False
        for element in children(node, "array_element_initializer"):
            parts = list(children(element))
            if parts and parts[0].type == "variadic_unpacking":
                spread = self(first(parts[0]), spot)
                unclear |= len(spread) != 1 or not isinstance(spread[0], Listed)
                items |= dict(spread[0].items) if isinstance(spread[0], Listed) else {}
            elif parts:
                key = as_text(self(parts[0], spot)[0]) if len(parts) > 1 else str(len(items))
                items[key] = self(parts[-1], spot)
        return (Listed(tuple(items.items()), unclear),)

    def cast(self, node: Node, spot: Spot) -> Values:
        """`(string)`, `(int)`, `(bool)`."""
        kind = text(node.child_by_field_name("type")).lower()
        return tuple(cast(value, kind) for value in self(node.child_by_field_name("value"), spot))

    def call(self, node: Node, spot: Spot) -> Values:
        """What a call gives, where that can be worked out."""
        return self.result(self, node, spot)

    def returned(self, one: Class, body: Node, spot: Spot) -> Values:
        """Every value that a method may return; `one` is the class whose source `body` is in."""
        inside = spot.of(one, spot.given)
        found = [
            value
            for statement in returns(body)
            for value in self(first(statement) if first(statement) else None, inside)
        ]
        return tuple(dict.fromkeys(found)) or (WHEN_IT_RUNS,)


def returns(function: Node) -> list[Node]:
    """The `return` statements of a function, not those of functions inside it; an arrow function has none."""
    found: list[Node] = []
    waiting = [function.child_by_field_name("body")]
    while waiting:
        node = waiting.pop()
        if node is None or node.type in ("anonymous_function", "arrow_function", "anonymous_class"):
            continue
        if node.type == "return_statement":
            found.append(node)
        waiting += node.named_children
    return sorted(found, key=lambda node: node.start_byte)


def _unsure(values: Iterable[Value]) -> bool:
    return any(isinstance(value, Unknown) for value in values)


Rule = Callable[[Evaluator, "Node", Spot], Iterable[Value]]
RULES: dict[str, Rule] = {
    "encapsed_string": Evaluator.encapsed,
    "binary_expression": Evaluator.binary,
    "conditional_expression": Evaluator.conditional,
    "match_expression": Evaluator.match,
    "class_constant_access_expression": Evaluator.class_constant,
    "name": Evaluator.global_constant,
    "qualified_name": Evaluator.global_constant,
    "variable_name": Evaluator.variable,
    "member_access_expression": Evaluator.member,
    "nullsafe_member_access_expression": Evaluator.member,
    "array_creation_expression": Evaluator.array,
    "cast_expression": Evaluator.cast,
    "function_call_expression": Evaluator.call,
    "member_call_expression": Evaluator.call,
    "scoped_call_expression": Evaluator.call,
}
