"""A Laravel application's configuration: config/*.php with the defaults of env(), and what its .env overrides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qsup.check.php.classes import Classes
from qsup.check.php.functions import Functions
from qsup.check.php.source import MOST_BYTES, File, read
from qsup.check.php.syntax import ParserMissing, first
from qsup.check.php.terms import Listed, Unknown, Value, Values, as_text
from qsup.check.php.values import Evaluator, Spot

if TYPE_CHECKING:
    from tree_sitter import Node

MARKS = ("artisan", "composer.json", "config/queue.php", "config/horizon.php")
"""What stands in the folder of a Laravel application."""

BUILT_IN_QUEUE = "default"
"""The queue of a connection that names none: framework's own default in every connector."""
BUILT_IN_RETRY_AFTER = 60
"""Seconds; what the connectors of database, redis and beanstalkd take when the key is missing (8.x to 13.x)."""
BUILT_IN_CONNECTION = "database"

WITHOUT_QUEUE = ("sync", "null", "deferred", "background")
"""Drivers that keep no job for a worker."""

LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=[ \t]*(.*)")
REFERENCE = re.compile(r"\$\{([A-Za-z0-9_.]+)\}")
WORDS: dict[str, Value] = {"true": True, "false": False, "empty": "", "null": None}


@dataclass(frozen=True, slots=True)
class Connection:
    """One of `connections` in config/queue.php."""

    name: str
    driver: str = ""
    queue: str = BUILT_IN_QUEUE
    """Where a job goes that names no queue."""
    retry_after: int | None = BUILT_IN_RETRY_AFTER
    """Seconds after which a running job is given to another worker; None when the driver has no such thing, or only
    running the application would tell."""
    default: bool = False
    """Whether jobs that name no connection take this one."""
    why: str = ""
    """Why `queue` is not sure; empty when it is."""


def connections(root: Path) -> Mapping[str, Connection]:
    """The queue connections of the application at `root`, by name.

    Empty when config/queue.php is missing or cannot be read, or the extra `php` is not installed.
    """
    try:
        return Configuration(root).connections()
    except ParserMissing:
        return {}


def application(path: Path) -> Path | None:
    """The folder of the Laravel application that `path` is in or is itself."""
    start = path.resolve()
    return next(
        (folder for folder in (start, *start.parents) if any((folder / mark).is_file() for mark in MARKS)), None
    )


def dotenv(text: str) -> dict[str, str]:
    """The variables of a .env file; of two lines for one name the first counts, as in Laravel's immutable reader."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if match and match[1] not in found:
            found[match[1]] = _unquoted(match[2].strip(), found)
    return found


def _unquoted(written: str, known: Mapping[str, str]) -> str:
    if written[:1] == "'":
        return written[1:].partition("'")[0]
    quoted = re.match(r'"((?:[^"\\]|\\.)*)"', written)
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else re.split(r"\s+#|^#", written)[0].strip()
    return REFERENCE.sub(lambda match: known.get(match[1], match[0]), plain)


@dataclass(slots=True)
class Configuration:
    """`config('a.b')` and `env('A')` of the application at `root`."""

    root: Path
    classes: Classes = field(default_factory=Classes)
    evaluate: Evaluator = field(init=False)
    variables: dict[str, str] = field(init=False)
    values: dict[str, Values | None] = field(default_factory=dict)
    """What each file returns; None while it is being worked out, and for no file."""

    def __post_init__(self) -> None:
        self.evaluate = Evaluator(self.classes, Functions(self.get, self.env))
        self.variables = dotenv(_text(self.root / ".env"))

    def env(self, name: str, default: Values | None) -> Values:
        """What .env says, else the default."""
        written = self.variables.get(name)
        if written is not None:
            word = written.strip("()").lower()
            return (WORDS.get(word, written),)
        if default is not None:
            return default
        return (Unknown(f"the variable {name} has no default and is not in .env"),)

    def get(self, key: str, default: Values | None) -> Values:
        """What config/ says at a dotted key, else the default."""
        name, _, rest = key.partition(".")
        found = self._file(name)
        if found is not None:
            missing = default or (Unknown(f"config('{key}') is in no file of config/"),)
            return tuple(step for value in found for step in _inside(value, rest, missing))
        return default or (Unknown(f"there is no config/{name}.php to take config('{key}') from"),)

    def _file(self, name: str) -> Values | None:
        if name not in self.values:
            self.values[name] = None
            self.values[name] = self._returned(self.root / "config" / f"{name}.php")
        return self.values[name]

    def _returned(self, path: Path) -> Values | None:
        source = _bytes(path)
        if source is None:
            return None
        file = read(path, source)
        self.classes.add(file)
        return tuple(
            value for statement in returned(file) for value in self.evaluate(first(statement), Spot(file))
        ) or (Unknown(f"{path.name} returns nothing"),)

    def connections(self) -> dict[str, Connection]:
        """The connections of config/queue.php."""
        default = _one(self.get("queue.default", (BUILT_IN_CONNECTION,)))
        found = self.get("queue.connections", ()) if self._file("queue") is not None else ()
        listed = next((value for value in found if isinstance(value, Listed)), Listed(()))
        return {name: self._connection(name, str(default)) for name, _ in listed.items}

    def _connection(self, name: str, default: str) -> Connection:
        def setting(key: str, missing: Value) -> Value:
            return _one(self.get(f"queue.connections.{name}.{key}", (missing,)))

        driver, queue = setting("driver", ""), setting("queue", BUILT_IN_QUEUE)
        after = setting("retry_after", BUILT_IN_RETRY_AFTER)
        has_lease = driver in ("database", "redis", "beanstalkd", "mongodb")
        seconds = int(as_text(after)) if has_lease and re.fullmatch(r"\d+", as_text(after)) else None
        return Connection(
            name=name,
            driver=as_text(driver) if not isinstance(driver, Unknown) else "",
            queue=as_text(queue) or BUILT_IN_QUEUE if not isinstance(queue, Unknown) else "",
            retry_after=seconds,
            default=name == default,
            why=queue.why if isinstance(queue, Unknown) else "",
        )


def returned(file: File) -> list[Node]:
    """The `return` statements of a file's own code."""
    return [node for node in file.root.named_children if node.type == "return_statement"]


def _inside(value: Value, keys: str, missing: Values) -> Values:
    """What stands in an array at a dotted key."""
    if not keys:
        return (value,)
    if isinstance(value, Unknown):
        return (value,)
    head, _, rest = keys.partition(".")
    found = value.get(head) if isinstance(value, Listed) else None
    return missing if found is None else tuple(step for one in found for step in _inside(one, rest, missing))


def _one(values: Values) -> Value:
    return values[0] if len(values) == 1 else Unknown("it may be one of several")


def _bytes(path: Path) -> bytes | None:
    try:
        with path.open("rb") as opened:
            return opened.read(MOST_BYTES)
    except OSError:
        return None


def _text(path: Path) -> str:
    return (_bytes(path) or b"").decode("utf-8", "replace")
