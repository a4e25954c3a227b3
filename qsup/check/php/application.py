"""One Laravel application: its files, its classes wherever they are, its configuration, its connections."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qsup.check.php.classes import Class, Classes, constants
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


@dataclass(slots=True)
class Application:
    """What is known of the application whose folder is `root`."""

    root: Path
    classes: Classes = field(init=False)
    configuration: Configuration = field(init=False)
    connections: Mapping[str, Connection] = field(init=False)
    files: dict[Path, File | None] = field(default_factory=dict)
    """By resolved path; None for one that cannot be read."""
    faults: list[tuple[Path, str, str, int, int]] = field(default_factory=list)
    """Code, message, line and column of what is wrong with a file."""
    functions: set[str] = field(default_factory=set)
    """The application's own functions, by full name in lower case."""
    prefixes: list[tuple[str, Path]] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = Classes(self._load)
        self.prefixes = psr4(self.root)
        self.configuration = Configuration(self.root, self.classes)
        self.connections = self.configuration.connections()

    @property
    def evaluate(self) -> Evaluator:
        """Works out expressions of this application."""
        return self.configuration.evaluate

    def read(self, path: Path) -> File | None:
        """The parsed file, once; None when it cannot be read."""
        key = path.resolve()
        if key not in self.files:
            self.files[key] = self._parsed(path)
        return self.files[key]

    def _parsed(self, path: Path) -> File | None:
        try:
            with path.open("rb") as opened:
                source = opened.read(MOST_BYTES + 1)
        except OSError as error:
            self.faults.append((path, "Q403", f"this file cannot be read: {(error.strerror or '').lower()}", 0, 0))
            return None
        if len(source) > MOST_BYTES:
            message = f"this file was not read: it is over {MOST_BYTES // 1_000_000} MB"
            self.faults.append((path, "Q403", message, 0, 0))
            return None
        file = read(path, source)
        self.classes.add(file)
        self._constants(file)
        for node in file.nodes.get("function", []):
            self.functions.add(within(file.scope(node).namespace, text(node.child_by_field_name("name"))).lower())
        return file

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
        """Read the file where PSR-4 says that the class is."""
        for prefix, folder in self.prefixes:
            if name.startswith(prefix):
                path = folder / (name.removeprefix(prefix).replace("\\", "/") + ".php")
                if path.is_file() and path.resolve() not in self.files:
                    self.read(path)
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

    def problems(self, paths: set[Path], shown: dict[Path, str]) -> Iterator[Problem]:
        """What is wrong with the files of the PATHs themselves; those read along with them are not asked about."""
        for path, code, message, line, column in self.faults:
            if path in paths:
                yield Problem(code=code, message=message, path=shown[path], line=line, column=column)
        for path in sorted(paths):
            file = self.read(path)
            error = file.error() if file is not None else None
            if error is not None:
                message = "this is not PHP that can be parsed; what stands around it was read, a dispatch in it was not"
                hint = "look at it with `php -l`"
                yield Problem(code="Q404", message=message, hint=hint, path=shown[path], line=error[0], column=error[1])


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
