"""The types of queues.yaml's values: what each reads, and the words for what it expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from qsup import units

QUEUE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
JOB_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
HANDLER = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"


def _reader(code: str, read: Callable[[Any], Any]) -> BeforeValidator:
    """A validator whose only words are what was expected; the value itself is never in them."""

    def validate(value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise PydanticCustomError(code, "{expected}", {"expected": str(error)}) from None

    return BeforeValidator(validate)


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most:,}")
        return value

    return read


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("text")
    if any((ord(letter) < 32 and letter not in "\n\t") or 0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise ValueError("text without control characters")
    return value


def _matching(pattern: str, expected: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(expected)
        return value

    return read


def _one_of(*allowed: Any) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(" or ".join(str(word) for word in allowed))
        return value

    return read


def _prefetch(value: Any) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    try:
        return _whole(0, 1000)(value)
    except ValueError:
        raise ValueError("auto, or a whole number from 0 to 1,000") from None


def _paths(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("a list of folders and files such as [handlers/]")
    return tuple(_words(item) for item in value)


_DURATION = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}], "examples": ["90s", "10m", "1h30m"]}
_SIZE = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}], "examples": ["128MB", "1GB"]}
_BACKOFF = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "array", "minItems": 1, "items": _DURATION}]}


def _number(least: int, most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


Duration = Annotated[float, _reader("Q015", units.duration), WithJsonSchema(_DURATION)]
Positive = Annotated[float, _reader("Q015", units.positive), WithJsonSchema(_DURATION)]
Size = Annotated[int, _reader("Q016", units.size), WithJsonSchema(_SIZE)]
Backoff = Annotated[tuple[float, ...], _reader("Q017", units.backoff), WithJsonSchema(_BACKOFF)]
Share = Annotated[float, _reader("Q014", units.share), WithJsonSchema({"type": ["number", "string"]})]
Text = Annotated[str, _reader("Q013", _words)]
Tries = Annotated[int, _reader("Q014", _whole(1, 10_000)), _number(1, 10_000)]
Workers = Annotated[int, _reader("Q014", _whole(0, 1_000)), _number(0, 1_000)]
Count = Annotated[int, _reader("Q014", _whole(0, 1_000_000_000)), _number(0, 1_000_000_000)]
Rank = Annotated[int, _reader("Q014", _whole(0, 999)), _number(0, 999)]
Start = Annotated[
    Literal["fork", "exec"], _reader("Q014", _one_of("fork", "exec")), WithJsonSchema({"enum": ["fork", "exec"]})
]
Prefetch = Annotated[
    int | Literal["auto"],
    _reader("Q014", _prefetch),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0, "maximum": 1000}]}),
]
Version = Annotated[int, _reader("Q019", _one_of(1)), WithJsonSchema({"const": 1})]
QueueName = Annotated[
    str,
    _reader("Q018", _matching(QUEUE_NAME, "the name of a queue")),
    WithJsonSchema({"type": "string", "pattern": f"^{QUEUE_NAME}$"}),
]
HandlerName = Annotated[
    str,
    _reader("Q018", _matching(HANDLER, "module:function, such as handlers.payments:process_payment")),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"}),
]
Paths = Annotated[
    tuple[str, ...], _reader("Q013", _paths), WithJsonSchema({"type": "array", "items": {"type": "string"}})
]
