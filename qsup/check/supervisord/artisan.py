"""The command line of a Laravel worker: its options as Symfony's console reads them, with Laravel's defaults. Pure.

From Laravel 8 to 13; the defaults are those of WorkCommand and ListenCommand. An option that neither knows is refused
by artisan, so the worker never runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qsup.check.problem import nearest

GLOBAL = {"help", "quiet", "silent", "verbose", "version", "ansi", "no-ansi", "no-interaction", "profile"}
FLAGS = {
    "queue:work": GLOBAL | {"daemon", "once", "stop-when-empty", "force", "json"},
    "queue:listen": GLOBAL | {"force"},
}
VALUES = {
    "queue:work": {
        "name", "queue", "delay", "backoff", "max-jobs", "max-time", "memory", "sleep", "rest", "timeout", "tries",
        "stop-when-empty-for", "env",
    },
    "queue:listen": {"name", "queue", "delay", "backoff", "memory", "sleep", "rest", "timeout", "tries", "env"},
}  # fmt: skip
LETTERS = {"v", "q", "n", "h", "V"}
DEFAULTS: Mapping[str, Any] = {
    "sleep": 3.0,
    "rest": 0.0,
    "timeout": 60,
    "tries": 1,
    "memory": 128,
    "max-jobs": 0,
    "max-time": 0,
    "backoff": (0,),
}
"""What holds when an option is not written: seconds, tries, megabytes, jobs. max-time 0 = no limit."""

QUEUE = "default"
"""The connection's own queue, which --queue leaves out; config/queue.php may name another."""
NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What a `queue:work` or `queue:listen` does."""

    command: str
    connection: str | None
    queue: str | None
    """As written; None for the connection's own."""
    options: Mapping[str, Any]
    """By the names of `DEFAULTS`, each written or by default."""
    written: frozenset[str]
    """The options that are written."""
    flags: frozenset[str]
    wrong: tuple[str, ...] = field(default=())
    """What artisan would refuse, or misread."""


def worked(command: str, words: tuple[str, ...]) -> Worked:
    """Read what follows `artisan`, the command's name taken out."""
    reading = _Reading(command, list(words))
    reading.read()
    given = reading.given
    options = {name: reading.number(name) for name in DEFAULTS if name != "backoff"}
    return Worked(
        command=command,
        connection=reading.arguments[0] if reading.arguments else None,
        queue=given.get("queue") or None,
        options=options | {"backoff": reading.backoff()},
        written=frozenset(given),
        flags=frozenset(reading.flags),
        wrong=tuple(reading.wrong),
    )


class _Reading:
    def __init__(self, command: str, words: list[str]) -> None:
        self.command, self.words = command, words
        self.given: dict[str, str] = {}
        self.flags: set[str] = set()
        self.arguments: list[str] = []
        self.wrong: list[str] = []

    def read(self) -> None:
        while self.words:
            word = self.words.pop(0)
            if word == "--":
                self.arguments += self.words
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and len(word) > 1:
                self._short(word)
            else:
                self.arguments.append(word)
        if len(self.arguments) > 1:
            self.wrong.append(f"has too many arguments ({self.arguments[1]}), expected at most one connection")

    def _long(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        if name in VALUES[self.command]:
            # Symfony takes the next word also after `--queue=` with nothing behind the sign.
            if not value and self.words and not self.words[0].startswith("-"):
                value = self.words.pop(0)
            self.given[name] = value
        elif name in FLAGS[self.command]:
            self.flags.add(name)
            if equals:
                self.wrong.append(f"gives --{name} a value, which artisan refuses")
        else:
            hint = nearest(name, FLAGS[self.command] | VALUES[self.command])
            self.wrong.append(f"has the option --{name}, which {self.command} refuses{f', {hint}' if hint else ''}")

    def _short(self, word: str) -> None:
        if not set(word[1:]) <= LETTERS:
            self.wrong.append(f"has the option {word}, which {self.command} refuses")

    def number(self, name: str) -> float | int:
        """The value of a numeric option."""
        text = self.given.get(name)
        if text is None:
            return DEFAULTS[name]  # type: ignore[no-any-return]  # a table of several kinds
        if not NUMBER.fullmatch(text):
            self.wrong.append(f"has --{name}={text[:40]}, expected a number")
            return DEFAULTS[name]  # type: ignore[no-any-return]  # the same
        value = float(text)
        return value if name in ("sleep", "rest") else int(value)

    def backoff(self) -> tuple[int, ...]:
        """Seconds after try 1, 2, 3 …; the deprecated --delay counts where it is more."""
        text, delay = self.given.get("backoff", "0"), self.given.get("delay", "0")
        chosen = _more(text, delay)
        parts = [part.strip() for part in chosen.split(",")]
        if not all(WHOLE.fullmatch(part) for part in parts):
            self.wrong.append(f"has --backoff={chosen[:40]}, expected seconds with commas between them")
            return (0,)
        return tuple(int(part) for part in parts)


def _more(one: str, other: str) -> str:
    """PHP's max() of two texts: as numbers when both are, else as texts."""
    if WHOLE.fullmatch(one) and WHOLE.fullmatch(other):
        return one if int(one) >= int(other) else other
    return max(one, other)
