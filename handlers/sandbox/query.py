"""The query words of a print: a stack of booleans, endlessly *true* below; a row passes if no *false* is left on it."""

from __future__ import annotations

import re

from handlers.router_values import seconds

Row = dict[str, str]


def matches(row: Row, words: list[str]) -> bool:
    """Whether a row passes the query words (each with its leading `?`)."""
    stack: list[bool] = []
    for word in words:
        text = word[1:]
        if text.startswith("#"):
            _operate(stack, text[1:])
        else:
            stack.append(_test(row, text))
    return all(stack)


def _test(row: Row, text: str) -> bool:
    if text.startswith("-"):
        return text[1:] not in row
    if text[:1] in {"<", ">"}:
        name, _, value = text[1:].partition("=")
        return name in row and _is_ordered(row[name], text[0], value)
    name, equals, value = text.removeprefix("=").partition("=")
    if not equals:
        return name in row
    return row.get(name) == value


def _is_ordered(have: str, sign: str, value: str) -> bool:
    left, right = _number(have), _number(value)
    pair = (have, value) if left is None or right is None else (left, right)
    return pair[0] < pair[1] if sign == "<" else pair[0] > pair[1]  # type: ignore[operator]  # both text or both int


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else seconds(text)


def _operate(stack: list[bool], operations: str) -> None:
    """`!` `&` `|` on the top; digits are an index from the top: at the end it replaces all, else it pushes a copy."""
    steps = re.findall(r"[0-9]+|[!&|.]", operations)
    for place, step in enumerate(steps):
        if step.isdigit():
            value = stack[-1 - int(step)] if int(step) < len(stack) else True
            if place == len(steps) - 1:
                stack.clear()
            stack.append(value)
        elif step == "!":
            stack.append(not _pop(stack))
        elif step == ".":
            if not (place and steps[place - 1].isdigit()):
                stack.append(stack[-1] if stack else True)
        else:
            right, left = _pop(stack), _pop(stack)
            stack.append(left and right if step == "&" else left or right)


def _pop(stack: list[bool]) -> bool:
    return stack.pop() if stack else True
