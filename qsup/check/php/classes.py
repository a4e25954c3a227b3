"""The classes, interfaces, traits and enums of an application, and what one inherits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from qsup.check.php.source import File, names
from qsup.check.php.syntax import CLASS_LIKE, children, first, place, text, within

if TYPE_CHECKING:
    from tree_sitter import Node

Answer = Literal["yes", "no", "unknown"]

FRAMEWORK = ("Illuminate\\", "Laravel\\")
"""Namespaces whose classes are never jobs of somebody's own unless listed here; their parents need not be read."""

QUEUED = ("ShouldQueue", "ShouldQueueAfterCommit", "ShouldHandleEventsAfterCommit")
DEEPEST = 32
"""Steps of inheritance that are followed; more is a circle."""


@dataclass(eq=False, slots=True)
class Class:
    """One class-like declaration; names are full, without the first backslash."""

    name: str
    file: File
    node: Node
    parents: tuple[str, ...] = ()
    """What it extends: one class, or several interfaces."""
    interfaces: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    constants: dict[str, Node] = field(default_factory=dict)
    """The expressions, by name."""
    cases: dict[str, Node | None] = field(default_factory=dict)
    properties: dict[str, Node] = field(default_factory=dict)
    """The property_element or property_promotion_parameter nodes, by name without `$`."""
    methods: dict[str, Node] = field(default_factory=dict)
    """By name in lower case."""

    @property
    def short(self) -> str:
        """The name without its namespace."""
        return self.name.rpartition("\\")[2]

    @property
    def kind(self) -> str:
        """class, interface, trait, enum or anonymous."""
        return self.node.type.partition("_")[0]

    def place(self) -> tuple[int, int]:
        """Where its name stands."""
        return place(self.node.child_by_field_name("name") or self.node)

    def abstract(self) -> bool:
        """True when no object of exactly this class is ever made."""
        return self.kind in ("trait", "interface") or first(self.node, "abstract_modifier") is not None


def declared(file: File) -> Iterator[Class]:
    """The classes of one file, in its order."""
    for node in file.nodes.get("class", []):
        short = text(node.child_by_field_name("name")) or "class@anonymous"
        namespace = file.scope(node).namespace
        found = Class(f"{namespace}\\{short}" if namespace else short, file, node)
        found.parents = tuple(file.full(text(name), name) for name in names(first(node, "base_clause")))
        found.interfaces = tuple(file.full(text(name), name) for name in names(first(node, "class_interface_clause")))
        _members(found, node.child_by_field_name("body"))
        yield found


def _members(found: Class, body: Node | None) -> None:
    for member in children(body) if body is not None else ():
        match member.type:
            case "use_declaration":
                found.traits += tuple(found.file.full(text(name), name) for name in names(member))
            case "const_declaration":
                found.constants.update(constants(member))
            case "enum_case":
                found.cases[text(member.child_by_field_name("name"))] = member.child_by_field_name("value")
            case "property_declaration":
                found.properties.update({variable(part): part for part in children(member, "property_element")})
            case "method_declaration":
                found.methods[text(member.child_by_field_name("name")).lower()] = member
                if text(member.child_by_field_name("name")).lower() == "__construct":
                    _promoted(found, member)


def _promoted(found: Class, constructor: Node) -> None:
    parameters = constructor.child_by_field_name("parameters")
    for parameter in children(parameters, "property_promotion_parameter") if parameters is not None else ():
        found.properties[variable(parameter)] = parameter


def constants(declaration: Node) -> dict[str, Node]:
    """Names and expressions of a `const` declaration."""
    found = {}
    for element in children(declaration, "const_element"):
        name, *value = children(element)
        if value:
            found[text(name)] = value[-1]
    return found


def variable(node: Node) -> str:
    """The name, without `$`, of a parameter, a property or a variable."""
    named = node if node.type == "variable_name" else node.child_by_field_name("name")
    return text(named).lstrip("&.$")


@dataclass(slots=True)
class Classes:
    """The classes by full name in lower case."""

    load: Callable[[str], None] | None = None
    """Asked once for each name that is not known; may `add` its file."""
    known: dict[str, Class] = field(default_factory=dict)
    at: dict[tuple[int, int], Class] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def add(self, file: File) -> list[Class]:
        """Take in the classes of a file; of two with the same full name the first stays."""
        found = list(declared(file))
        for one in found:
            if one.kind != "anonymous":
                self.known.setdefault(one.name.lower(), one)
            self.at[(id(file), one.node.start_byte)] = one
        return found

    def find(self, name: str) -> Class | None:
        """The class of this full name; None when its source is not there."""
        key = name.lstrip("\\").lower()
        if self.load is not None and key not in self.known and key not in self.asked:
            self.asked.add(key)
            self.load(name.lstrip("\\"))
        return self.known.get(key)

    def around(self, file: File, node: Node) -> Class | None:
        """The class in whose body `node` stands."""
        holder = within(node, *CLASS_LIKE)
        return self.at.get((id(file), holder.start_byte)) if holder is not None else None

    def line(self, one: Class) -> Iterator[Class | str]:
        """The class, its traits, its parents and theirs, then interfaces; a name where the source is not there.

        In the order in which PHP looks for a member.
        """
        seen: set[str] = set()
        waiting: list[Class | str] = [one]
        while waiting and len(seen) < DEEPEST:
            now = waiting.pop(0)
            name = (now if isinstance(now, str) else now.name).lower()
            if name in seen:
                continue
            seen.add(name)
            yield now
            if isinstance(now, Class):
                above = [*now.traits, *now.parents]
                waiting[:0] = [self.find(name) or name for name in above]
                waiting += [self.find(name) or name for name in now.interfaces]

    def names(self, one: Class) -> list[str]:
        """The full names of all that it is."""
        return [step if isinstance(step, str) else step.name for step in self.line(one)]

    def lineage(self, one: Class) -> Iterator[Class]:
        """As `line`, only what can be read."""
        return (step for step in self.line(one) if isinstance(step, Class))

    def is_a(self, one: Class, *short: str) -> Answer:
        """Whether it is one of the framework's classes, by their short names; unknown when its parents lead out."""
        answer: Answer = "no"
        for step in self.line(one):
            if isinstance(step, Class):
                continue
            if step.rpartition("\\")[2] in short and self.find(step) is None:
                return "yes"
            # Without a namespace it is one of PHP's own.
            if "\\" in step and not step.startswith(FRAMEWORK):
                answer = "unknown"
        return answer

    def property(self, one: Class, name: str) -> tuple[Class, Node] | None:
        """The first declaration of a property, from the class upwards, with its class."""
        return next(((step, step.properties[name]) for step in self.lineage(one) if name in step.properties), None)

    def method(self, one: Class, name: str) -> tuple[Class, Node] | None:
        """The first declaration of a method, from the class upwards, with its class."""
        found = name.lower()
        return next(((step, step.methods[found]) for step in self.lineage(one) if found in step.methods), None)
