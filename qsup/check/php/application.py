"""One Laravel application: its files, its classes wherever they are, its configuration, its connections."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qsup.check.php.classes import Class, Classes, constants, declared
from qsup.check.php.laravel import BUILT_IN_CONNECTION, WITHOUT_QUEUE, Configuration, Connection
from qsup.check.php.own import Named, Names
from qsup.check.php.source import MOST_BYTES, File, read, within
from qsup.check.php.syntax import arguments, method, text
from qsup.check.php.terms import LITERALS
from qsup.check.php.values import Evaluator
from qsup.check.problem import Problem

if TYPE_CHECKING:
    from tree_sitter import Node

SKIPPED = ("vendor", "node_modules", "tests", "storage", "public")
"""Folders below a PATH that are not read: others' code, and what no worker runs. Named as a PATH they are."""


def php_files(path: Path) -> Iterator[Path]:
    """The PHP files at and below `path`, in order; hidden folders and `SKIPPED` are left out."""
    if os.path.isfile(path):
        if path.suffix == ".php":
            yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name.lower() not in SKIPPED)
        if os.path.basename(folder) == "bootstrap":
            folders[:] = [name for name in folders if name != "cache"]
        yield from (
            Path(folder, name) for name in sorted(names) if name.endswith(".php") and os.path.isfile(Path(folder, name))
        )


TELLING = re.compile(
    rb"queue|dispatch|notif|mailable|\bmail\b|schedul|broadcast|\bconst\b|\benum\b|define|listen|\bbus\b|\bbatch|chain"
    rb"|->\s*(send|later|add)\s*\(",
    re.IGNORECASE,
)
"""A file without any of these holds no site and no name of a queue. Its tree, about 90 times its text, is not kept; it
is read again when a class of it is asked for."""


@dataclass(slots=True)
class Application:
    """What is known of the application whose folder is `root`."""

    root: Path
    classes: Classes = field(init=False)
    configuration: Configuration = field(init=False)
    listed: dict[str, Connection] | None = None
    files: dict[Path, File | None] = field(default_factory=dict)
    """By resolved path; None for one that cannot be read."""
    faults: dict[Path, Problem] = field(default_factory=dict)
    """What is wrong with a file."""
    homes: dict[str, Path] = field(default_factory=dict)
    """Where the classes are whose files were not kept, by full name in lower case."""
    functions: set[str] = field(default_factory=set)
    """The application's own functions, by full name in lower case."""
    prefixes: list[tuple[str, Path]] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = Classes(self._load)
        self.prefixes = psr4(self.root)
        self.configuration = Configuration(self.root, self.classes)

    @property
    def connections(self) -> Mapping[str, Connection]:
        """Those of config/queue.php; asked for only when all files are read, since it may name their classes."""
        if self.listed is None:
            self.listed = self.configuration.connections()
        return self.listed

    @property
    def evaluate(self) -> Evaluator:
        """Works out expressions of this application."""
        return self.configuration.evaluate

    def read(self, path: Path, *, keep: bool = False) -> File | None:
        """The parsed file, once; None when it cannot be read, or holds nothing that tells and need not be kept."""
        key = path.resolve()
        if key not in self.files or (keep and self.files[key] is None):
            self.files[key] = self._parsed(path, keep)
        return self.files[key]

    def _parsed(self, path: Path, keep: bool) -> File | None:
        try:
            with path.open("rb") as opened:
                source = opened.read(MOST_BYTES + 1)
        except OSError as error:
            self._fault(path, "Q403", f"this file cannot be read: {(error.strerror or '').lower()}")
            return None
        if len(source) > MOST_BYTES:
            self._fault(path, "Q403", f"this file was not read: it is over {MOST_BYTES // 1_000_000} MB")
            return None
        file = read(path, source)
        self._broken(file)
        if not keep and not TELLING.search(source):
            self.homes |= {one.name.lower(): path for one in declared(file)}
            return None
        self.classes.add(file)
        self._constants(file)
        for node in file.nodes.get("function", []):
            self.functions.add(within(file.scope(node).namespace, text(node.child_by_field_name("name"))).lower())
        return file

    def _broken(self, file: File) -> None:
        error = file.error()
        if error is not None:
            message = "this is not PHP that can be parsed; what stands around it was read, a dispatch in it was not"
            self._fault(file.path, "Q404", message, "look at it with `php -l`", *error)

    def _fault(self, path: Path, code: str, message: str, hint: str = "", line: int = 0, column: int = 0) -> None:
        self.faults[path] = Problem(code=code, message=message, hint=hint, path=str(path), line=line, column=column)

    def _constants(self, file: File) -> None:
        for node in file.nodes.get("const", []):
            if node.parent is not None and node.parent.type != "declaration_list":
                namespace = file.scope(node).namespace
                for name, value in constants(node).items():
                    self.evaluate.constants.setdefault(within(namespace, name), (value, file))
        for call in file.nodes.get("call", []):
            if call.type == "function_call_expression" and method(call) == "define":
                given = arguments(call)
                name_node, value_node = given.get(0, "constant_name"), given.get(1, "value")
                if name_node is not None and value_node is not None and name_node.type in LITERALS:
                    self.evaluate.constants.setdefault(_literal(name_node), (value_node, file))

    def _load(self, name: str) -> None:
        """Read the file that is known to have the class, or the one where PSR-4 says that it is."""
        home = self.homes.get(name.lower())
        if home is not None:
            self.read(home, keep=True)
            return
        for prefix, folder in self.prefixes:
            if name.startswith(prefix):
                path = folder / (name.removeprefix(prefix).replace("\\", "/") + ".php")
                if path.is_file() and path.resolve() not in self.files:
                    self.read(path, keep=True)
                    return

    def default_queue(self, connection: Names) -> Names:
        """Where a job goes that names no queue, on the connections that it may be sent through."""
        return tuple(dict.fromkeys(self._default(one) for one in connection))

    def _default(self, connection: Named) -> Named:
        if connection.why:
            return Named(why=f"its connection is not known ({connection.why}), nor that connection's queue")
        if not connection.open:
            found = self.connections.get(connection.name)
            if found is None:
                return Named(why=f"connection {connection.name} is not in config/queue.php")
        else:
            found = self.usual()
        source = f"the default queue of connection {found.name or BUILT_IN_CONNECTION}"
        return Named(found.queue, found.why and f"{source} is not known: {found.why}", source=source)

    def usual(self) -> Connection:
        """The connection of jobs that name none. While the default is `sync`, as in a fresh application, the one that
        it will be in production is taken to be `database`."""
        default = next((one for one in self.connections.values() if one.default), None)
        if default is None or default.driver in WITHOUT_QUEUE:
            kept = [one for one in self.connections.values() if one.driver not in ("", *WITHOUT_QUEUE)]
            default = self.connections.get("database") or (kept[0] if kept else Connection(""))
        return default

    def without_queue(self, connection: Names) -> bool:
        """True when the code itself names a connection that runs jobs at once."""
        names = [one.name for one in connection]
        drivers = {self.connections[name].driver if name in self.connections else name for name in names}
        return bool(drivers) and drivers <= set(WITHOUT_QUEUE)


def _literal(node: Node) -> str:
    return str(LITERALS[node.type](node))


def psr4(root: Path) -> list[tuple[str, Path]]:
    """Namespace prefixes and their folders from composer.json, the longest first; Laravel's own without one."""
    try:
        composer = json.loads((root / "composer.json").read_bytes())
    except (OSError, ValueError):
        composer = {}
    found = [("App\\", root / "app")]
    for section in ("autoload", "autoload-dev"):
        entries = composer.get(section, {}).get("psr-4", {}) if isinstance(composer, dict) else {}
        for prefix, folders in entries.items() if isinstance(entries, dict) else ():
            listed = folders if isinstance(folders, list) else [folders]
            found += [(prefix, root / folder) for folder in listed if isinstance(folder, str)]
    return sorted(found, key=lambda entry: -len(entry[0]))


def queued(one: Class, classes: Classes) -> str:
    """yes, no or unknown: whether Laravel queues objects of this class."""
    return classes.is_a(one, "ShouldQueue", "ShouldQueueAfterCommit")
