"""The shape of what one Python file says by itself. qsup.check.skimmer makes it, as JSON-ready values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

Import = tuple[int, str, str]
"""Leading dots, module, and the name in it; an empty name for the module itself."""


@dataclass(frozen=True, slots=True)
class Heir:
    """A class statement. An empty base is one that these words do not tell."""

    name: str
    alone: bool
    """Nothing else in the file binds its name."""
    bases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a file without its syntax tree."""

    error: str = ""
    """Why it is not Python; then it has nothing else."""
    line: int = 0
    sends: bool = False
    """Its code names `dispatch`, or has it in a text."""
    remarks: bool = False
    """It may hold a comment to qsup."""
    names: frozenset[str] = frozenset()
    """What it binds at its top, and imports and classes further in."""
    functions: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    single: tuple[tuple[str, Import], ...] = ()
    """The names that one import alone binds."""
    classes: tuple[Heir, ...] = ()


def from_list(raw: Any) -> Summary | None:
    """What qsup.check.skimmer gave; None for anything else, whoever wrote it."""
    try:
        error, line, sends, remarks, names, functions, imports, single, classes = raw
        return Summary(
            typed(str, error), typed(int, line), typed(bool, sends), typed(bool, remarks),
            frozenset(typed(str, name) for name in names), tuple(typed(str, name) for name in functions),
            tuple(_import(what) for what in imports), tuple((typed(str, name), _import(what)) for name, what in single),
            tuple(
                Heir(typed(str, name), typed(bool, alone), tuple(typed(str, base) for base in bases))
                for name, alone, bases in classes
            ),
        )  # fmt: skip
    except (TypeError, ValueError):
        return None


def typed(kind: type[T], value: Any) -> T:
    """The value, if it is exactly of this type. Raises TypeError for another: a cache may hold anything."""
    if type(value) is not kind:
        raise TypeError
    return value


def _import(value: Any) -> Import:
    level, module, name = value
    return typed(int, level), typed(str, module), typed(str, name)
