"""Lists, dicts and texts that an expression makes, and what is at a place in one."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from qsup.check.python.kinds import (
    Foreign,
    Group,
    Klass,
    Missing,
    Plain,
    Root,
    Row,
    Table,
    Text,
    Unknown,
    Value,
    contents,
    elements,
)  # fmt: skip
from qsup.check.python.outline import Scope

if TYPE_CHECKING:
    from qsup.check.python.evaluate import Evaluator


def row_of(ev: Evaluator, items: list[ast.expr], scope: Scope) -> Value:
    columns = [tuple(ev.follow(item, scope)) for item in items]
    if not any(isinstance(item, ast.Starred) for item in items):
        return Row(tuple(columns))
    spread = [
        tuple(one for value in column for one in elements(value)) if isinstance(item, ast.Starred) else column
        for item, column in zip(items, columns, strict=True)
    ]
    return Group(tuple(dict.fromkeys(one for column in spread for one in column)))


def pair_of(ev: Evaluator, key: ast.expr | None, item: ast.expr, scope: Scope) -> tuple[str | None, tuple[Value, ...]]:
    if key is None:
        inner = ev.follow(item, scope)
        return None, tuple(one for value in inner for one in contents(value))
    names = [value.text if isinstance(value, Text) else None for value in ev.follow(key, scope)]
    return names[0] if len(names) == 1 else None, tuple(ev.follow(item, scope))


def item_of(ev: Evaluator, value: Value, key: ast.expr, scope: Scope) -> list[Value]:
    match value:
        case Klass() | Root():
            return [value]
        case Foreign(standard=True):
            return [value]
        case Table(pairs=pairs):
            wanted = ev.follow(key, scope)
            texts = {one.text for one in wanted if isinstance(one, Text)}
            sure = bool(wanted) and all(isinstance(one, Text) for one in wanted) and all(name for name, _ in pairs)
            return [one for name, column in pairs if not sure or name in texts for one in column] or [Unknown()]
        case Row(columns=columns):
            return _place(columns, key)
        case Group(values=values):
            return [value] if isinstance(key, ast.Slice) else list(values) or [Unknown()]
        case Plain():
            return [value]
        case _:
            return [Unknown()]


def _place(columns: tuple[tuple[Value, ...], ...], key: ast.expr) -> list[Value]:
    if isinstance(key, ast.Constant) and isinstance(key.value, int) and key.value < len(columns):
        return list(columns[key.value])
    every = tuple(dict.fromkeys(one for column in columns for one in column))
    return [Group(every)] if isinstance(key, ast.Slice) else list(every) or [Unknown()]


def joined_of(ev: Evaluator, parts: list[ast.expr], scope: Scope) -> Value:
    text, written = "", None
    for part in parts:
        inner = part.value if isinstance(part, ast.FormattedValue) and not part.format_spec else part
        found = ev.follow(inner, scope)
        if len(found) != 1 or not isinstance(found[0], Text):
            return _why(found)
        text += found[0].text
        written = written if isinstance(inner, ast.Constant) else found[0].written
    return Text(text, written)


def _why(found: list[Value]) -> Unknown:
    """Unknown, with what is missing when that is the reason."""
    reasons = (one for one in found if isinstance(one, Unknown) and isinstance(one.why, Missing))
    return next(reasons, Unknown())


def sum_of(left: list[Value], right: list[Value]) -> list[Value]:
    """Texts joined, lists one behind the other."""
    found: list[Value] = []
    for one in left:
        for other in right:
            if isinstance(one, Text) and isinstance(other, Text):
                found.append(Text(one.text + other.text, one.written))
            elif isinstance(one, Row | Group) and isinstance(other, Row | Group):
                found.append(Group((*elements(one), *elements(other))))
            else:
                found.append(Plain() if Plain() in (one, other) else _why([one, other]))
    return found[:100]
