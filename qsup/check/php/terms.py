"""What the value of a PHP expression can be, and how PHP's literals and casts read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qsup.check.php.syntax import text

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, slots=True)
class Unknown:
    """Only running the program would tell; `why` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Case:
    """An enum's case: `text` is its value, or its name when it has none."""

    enum: str
    name: str
    text: Value


@dataclass(frozen=True, slots=True)
class Listed:
    """An array: keys and what each may be."""

    items: tuple[tuple[str, Values], ...]
    open: bool = False
    """Something that is not known is spread into it."""

    def get(self, key: str) -> Values | None:
        """What stands under a key; None when nothing does."""
        return dict(self.items).get(key, (WHEN_IT_RUNS,) if self.open else None)


Value = str | int | float | bool | None | Case | Listed | Unknown
Values = tuple[Value, ...]
WHEN_IT_RUNS = Unknown("it shows only when the program runs")


def as_text(value: Value) -> str:
    """As PHP writes a value into a string."""
    match value:
        case None | False:
            return ""
        case True:
            return "1"
        case Case():
            return as_text(value.text)
        case _:
            return str(value)


def cast(value: Value, kind: str) -> Value:
    """`(int)`, `(string)` or `(bool)` before a value."""
    if isinstance(value, Unknown | Listed | Case):
        return value
    if kind in ("int", "integer"):
        digits = re.match(r"\s*[+-]?\d+", as_text(value))
        return int(digits[0]) if digits else 0
    if kind == "string":
        return as_text(value)
    return bool(value and value != "0") if kind in ("bool", "boolean") else WHEN_IT_RUNS


def _quoted(node: Node) -> Value:
    return re.sub(r"\\([\\'])", r"\1", text(node).partition("'")[2][:-1])


def _whole(node: Node) -> Value:
    written = text(node).replace("_", "").lower()
    octal = re.fullmatch(r"0([0-7]+)", written)
    try:
        return int(octal[1], 8) if octal else int(written, 0)
    except ValueError:
        return WHEN_IT_RUNS


def _decimal(node: Node) -> Value:
    try:
        return float(text(node).replace("_", ""))
    except ValueError:
        return WHEN_IT_RUNS


ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\", "\\$": "$", '\\"': '"', "\\e": "\x1b"}
LITERALS: dict[str, Callable[[Node], Value]] = {
    "string": _quoted,
    "integer": _whole,
    "float": _decimal,
    "boolean": lambda node: text(node).lower() == "true",
    "null": lambda _: None,
}
