"""What an expression may stand for, as far as the source shows. A list of these is every possibility."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from qsup.check.python.outline import Scope
from qsup.check.source import Function

ANY_VALUE = "which job it is shows only when it runs"

Written = tuple[str, int] | None
"""Where a text stands: the name of a module, and the line."""


class Missing(str):
    """Why something is not known: a name that certainly is not there; where it is used, and the hint which was meant.

    A text, so that it goes wherever a reason goes.
    """

    module: str
    """The name of the module that uses it."""
    line: int
    column: int
    hint: str

    def __new__(cls, text: str, *, module: str, line: int, column: int, hint: str) -> Missing:
        """`text` is the reason for people."""
        found = super().__new__(cls, text)
        found.module, found.line, found.column, found.hint = module, line, column, hint
        return found


@dataclass(frozen=True, slots=True)
class Unknown:
    """Only running the code would tell."""

    why: str = ANY_VALUE


@dataclass(frozen=True, slots=True)
class Plain:
    """Certainly no job, no class, no text of interest: a number, a module's own object of Python itself."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    text: str
    written: Written = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    """None."""


@dataclass(frozen=True, slots=True)
class Klass:
    """A class in the source that is read; `scope` is its body's."""

    scope: Scope
    exact: bool = True
    """False for what may also be a subclass: `type[X]`, `cls`."""

    @property
    def node(self) -> ast.ClassDef:
        """Its statement."""
        assert isinstance(self.scope.node, ast.ClassDef)  # noqa: S101  what makes a Klass looks first
        return self.scope.node

    @property
    def name(self) -> str:
        """Its own name."""
        return self.node.name


@dataclass(frozen=True, slots=True)
class Root:
    """qsup.Job itself."""


@dataclass(frozen=True, slots=True)
class Made:
    """An instance."""

    of: Klass | Root
    exact: bool = True
    """False for what may also be of a subclass: `self`, an annotated parameter."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something in a module whose source is not read."""

    module: str
    name: str = ""
    standard: bool = False
    """It belongs to Python itself, which makes no jobs."""


@dataclass(frozen=True, slots=True)
class Space:
    """A module."""

    module: str


@dataclass(frozen=True, slots=True)
class Code:
    """A function, method or lambda."""

    scope: Scope
    receiver: Klass | None = None
    """The class through which a method was found: what `cls` and `self` are in it."""
    of_instance: bool = False
    """It was found through an instance, which is its first argument."""

    @property
    def node(self) -> Function | ast.Lambda:
        """Its definition."""
        assert isinstance(self.scope.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)  # noqa: S101  as above
        return self.scope.node


@dataclass(frozen=True, slots=True)
class Face:
    """qsup.dispatch or qsup.dispatch_many."""

    name: str


@dataclass(frozen=True, slots=True)
class Bound:
    """`x.dispatch`, not called yet."""

    job: Value


@dataclass(frozen=True, slots=True)
class Method:
    """Another method of a collection, text or unknown thing, not called yet."""

    of: Value
    name: str


@dataclass(frozen=True, slots=True)
class Partly:
    """functools.partial(function, …): `call` holds the arguments that are given already."""

    function: Value
    call: ast.Call
    scope: Scope


@dataclass(frozen=True, slots=True)
class Row:
    """A sequence of known length: the possibilities at each place."""

    columns: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A collection of any length whose elements are among these."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A dict; a key of None is one that the source does not show."""

    pairs: tuple[tuple[str | None, tuple[Value, ...]], ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enum, `text` its value when that is a string."""

    text: str | None
    is_text: bool = field(default=False)
    """It is a string itself (StrEnum, `class Q(str, Enum)`)."""
    written: Written = field(default=None, compare=False)


Value = (
    Unknown | Plain | Text | Nothing | Klass | Root | Made | Foreign | Space | Code | Face | Bound | Method | Partly
    | Row | Group | Table | Member
)  # fmt: skip


def contents(value: Value) -> list[Value]:
    """As `elements`, but of a dict its values."""
    return [one for _, column in value.pairs for one in column] if isinstance(value, Table) else elements(value)


def elements(value: Value) -> list[Value]:
    """What a loop over it gives."""
    match value:
        case Row(columns=columns):
            return [one for column in columns for one in column]
        case Group(values=values):
            return list(values)
        case Table(pairs=pairs):
            return [Text(key) if key is not None else Unknown() for key, _ in pairs]
        case Plain() | Nothing() | Text() | Member():
            return [Plain()]
        case _:
            return [Unknown()]
