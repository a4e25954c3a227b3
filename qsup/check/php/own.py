"""Which queue and connection a class gives itself: its property, its constructor, its attributes, `Queue::route`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qsup.check.php.classes import Class
from qsup.check.php.functions import bind
from qsup.check.php.source import File
from qsup.check.php.syntax import (
    CALLS,
    CLOSURES,
    ON_AN_OBJECT,
    arguments,
    bare,
    children,
    method,
    place,
    receiver,
    root,
    text,
)
from qsup.check.php.terms import Case, Unknown, Value, Values, as_text
from qsup.check.php.values import Evaluator, Spot

if TYPE_CHECKING:
    from tree_sitter import Node

Setting = Literal["queue", "connection"]
SETTERS: dict[Setting, tuple[str, ...]] = {
    "queue": ("onqueue", "allonqueue"),
    "connection": ("onconnection", "allonconnection"),
}
ATTRIBUTES: dict[Setting, str] = {"queue": "Queue", "connection": "Connection"}
BRANCHES = ("else_clause", "else_if_clause")
MAYBE = (
    "while_statement",
    "for_statement",
    "foreach_statement",
    "switch_statement",
    "try_statement",
    "do_statement",
    "conditional_expression",
    "match_expression",
    "binary_expression",
)
"""What stands in these happens perhaps."""
DEEPEST = 6
"""Methods that a constructor calls and those call."""


@dataclass(frozen=True, slots=True)
class Named:
    """One queue (or connection) that something may go to. Without a name and a `why`: none is given, so the next rule
    decides."""

    name: str = ""
    why: str = ""
    """Why the name is not known."""
    file: Path | None = None
    line: int = 0
    column: int = 0
    """Where it is written; no file when it is the site itself that hands it over."""
    source: str = ""
    """For one that nothing names: which rule gives it."""

    @property
    def open(self) -> bool:
        """True when nothing is given."""
        return not self.name and not self.why


Names = tuple[Named, ...]
"""Every possibility."""
NOTHING: Names = (Named(),)


def named(values: Values, node: Node, file: File) -> Names:
    """What an expression's values mean as names."""
    line, column = place(node)
    path = None if bare(node).type == "variable_name" else file.path
    return tuple(Named(_name(value), _why(value), path, line, column) for value in values)


def _name(value: Value) -> str:
    return as_text(value) if isinstance(value, str | int | Case) and not isinstance(value, bool) else ""


def _why(value: Value) -> str:
    if isinstance(value, Unknown):
        return value.why
    return "" if value is None or isinstance(value, str | int | Case) else "it is not a name"


def or_else(names: Names, others: Iterable[Named]) -> Names:
    """Where nothing is given, what the next rule gives."""
    rest = tuple(others)
    return tuple(dict.fromkeys(one for name in names for one in (rest if name.open else (name,)))) if rest else names


@dataclass(slots=True)
class Own:
    """Answers which queue a class has by itself; `routes` are those of `Queue::route`, by full name in lower case."""

    evaluate: Evaluator
    routes: Mapping[str, dict[Setting, Names]] = field(default_factory=dict)

    def explicit(self, one: Class, setting: Setting, given: Mapping[str, Values], *, constructed: bool = True) -> Names:
        """What the object's property holds once it is made; `given` are the constructor's arguments.

        `constructed=False`: as Laravel makes listeners, without their constructor.
        """
        found = self.evaluate.classes.property(one, setting)
        names = NOTHING
        if found is not None:
            holder, element = found
            value = element.child_by_field_name("default_value")
            if element.type == "property_promotion_parameter":
                names = self._promoted(setting, given) if constructed else NOTHING
            elif value is not None:
                names = named(self.evaluate(value, Spot(holder.file, holder, one)), value, holder.file)
        constructor = self.evaluate.classes.method(one, "__construct") if constructed else None
        return self._run_method(constructor, one, setting, given, names, 0) if constructor else names

    def _promoted(self, setting: Setting, given: Mapping[str, Values]) -> Names:
        """A property that is a constructor's parameter: the call that makes the object hands it over."""
        values = given.get(setting, (Unknown("it is handed to the constructor"),))
        return tuple(Named(_name(value), _why(value)) for value in values)

    def fallback(self, one: Class, setting: Setting) -> Names:
        """What counts when the property is empty: the attribute, then `Queue::route` (Laravel 13)."""
        for step in self.evaluate.classes.lineage(one):
            value = self._attribute(step, ATTRIBUTES[setting])
            if value is not None:
                return named(self.evaluate(value, Spot(step.file, step, one)), value, step.file)
        for name in self.evaluate.classes.names(one) if self.routes else ():
            if setting in self.routes.get(name.lower(), {}):
                return self.routes[name.lower()][setting]
        return NOTHING

    def _attribute(self, one: Class, short: str) -> Node | None:
        attributes = one.node.child_by_field_name("attributes")
        for group in children(attributes) if attributes is not None else ():
            for attribute in children(group, "attribute"):
                full = one.file.full(text(attribute.named_children[0]), attribute)
                ours = full.startswith("Illuminate\\") or self.evaluate.classes.find(full) is None
                if full.rpartition("\\")[2] == short and ours:
                    return arguments(attribute).get(0, short.lower())
        return None

    def _run_method(
        self,
        found: tuple[Class, Node],
        one: Class,
        setting: Setting,
        given: Mapping[str, Values],
        names: Names,
        deep: int,
    ) -> Names:
        holder, node = found
        body = node.child_by_field_name("body")
        if body is None or deep > DEEPEST:
            return names
        return Effects(self, setting, "this", Spot(holder.file, holder, one, dict(given)), deep).run(body, names)

    def called(self, call: Node, spot: Spot, setting: Setting, names: Names, deep: int) -> Names:
        """What calling `parent::__construct()` or `$this->method()` does to the object's queue."""
        one = spot.static or spot.holder
        on = receiver(call)
        if one is None or spot.holder is None or on is None:
            return names
        start = one
        if text(on) == "parent":
            above = self.evaluate.classes.find(spot.holder.parents[0]) if spot.holder.parents else None
            if above is None:
                return names
            start = above
        found = self.evaluate.classes.method(start, method(call))
        if found is None:
            return names
        given = bind(self.evaluate, found[1], arguments(call), spot, found[0])
        return self._run_method(found, one, setting, given, names, deep + 1)


@dataclass(slots=True)
class Effects:
    """What statements do to the queue of the object in the variable `subject`, in their order."""

    own: Own
    setting: Setting
    subject: str
    spot: Spot
    deep: int = 0
    until: int | None = None
    """The byte where to stop."""
    seen: list[Node] = field(default_factory=list)
    """The calls and assignments that named it."""

    def run(self, node: Node, names: Names) -> Names:
        """The possible names after `node`, when they were `names` before it."""
        if (self.until is not None and node.start_byte >= self.until) or node.type in (*CLOSURES, "anonymous_class"):
            return names
        if node.type == "if_statement":
            return self._branches(node, names)
        after = names
        for child in children(node):
            after = self.run(child, after)
        after = self._apply(node, after)
        return tuple(dict.fromkeys((*names, *after))) if node.type in MAYBE else after

    def _branches(self, node: Node, names: Names) -> Names:
        body = node.child_by_field_name("body")
        ways = [self.run(body, names)] if body is not None else []
        others = list(children(node, *BRANCHES))
        ways += [self.run(other, names) for other in others]
        if not any(other.type == "else_clause" for other in others):
            ways.append(names)
        return tuple(dict.fromkeys(name for way in ways for name in way))

    def _apply(self, node: Node, names: Names) -> Names:
        if node.type == "assignment_expression":
            return self._assigned(node, names)
        if node.type not in CALLS:
            return names
        if node.type in ON_AN_OBJECT and method(node) in SETTERS[self.setting] and self._is_subject(root(node)):
            value = arguments(node).get(0, self.setting)
            self.seen.append(node)
            return named(self.own.evaluate(value, self.spot), value, self.spot.file) if value is not None else names
        on = receiver(node)
        if self.subject == "this" and on is not None and text(on) in ("$this", "parent"):
            return self.own.called(node, self.spot, self.setting, names, self.deep)
        return names

    def _assigned(self, node: Node, names: Names) -> Names:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "member_access_expression":
            return names
        target = left.child_by_field_name("object")
        if target is None or text(left.child_by_field_name("name")) != self.setting or not self._is_subject(target):
            return names
        self.seen.append(node)
        return named(self.own.evaluate(right, self.spot), right, self.spot.file)

    def _is_subject(self, node: Node) -> bool:
        return text(bare(node)) == f"${self.subject}"
