"""Python source as names: which file a module is, what its names mean, where a name leads. Nothing is imported.

Modules are looked up as the handlers' processes would: first below the folder of queues.yaml, then on sys.path.
"""

from __future__ import annotations

import ast
import os
import sys
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import invalidate_caches
from importlib.machinery import PathFinder
from io import BytesIO
from pathlib import Path

FARTHEST = 8
"""Imports of imports that are followed; more is a circle."""

SKIPPED = ("__pycache__", "node_modules", "site-packages", "venv")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Imported:
    """A name that an import bound: a module, or (with `name`) something in it."""

    module: str
    name: str | None = None


Meaning = ast.ClassDef | Function | ast.expr | Imported
"""What a name stands for; an `ast.expr` is the value of an assignment."""


@dataclass(frozen=True, slots=True)
class Module:
    """A parsed file."""

    name: str
    file: Path
    tree: ast.Module
    names: dict[str, Meaning]
    error: str = ""
    """Why it could not be parsed; then it has no names."""
    line: int = 0
    dispatches: bool = False
    """Its text has the word `dispatch` somewhere."""

    def lines(self) -> list[str]:
        """Its text, read again: only what has a finding needs it."""
        try:
            encoding = tokenize.detect_encoding(BytesIO(self.file.read_bytes()).readline)[0]
            return self.file.read_bytes().decode(encoding, "replace").splitlines()
        except (OSError, SyntaxError, LookupError):
            return []

    def column(self, line: int, offset: int) -> int:
        """The column, from 1 and in characters, of what begins `offset` bytes of UTF-8 into the line."""
        lines = self.lines()
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        return offset + 1 if text.isascii() else len(text.encode()[:offset].decode(errors="replace")) + 1

    @property
    def open(self) -> bool:
        """True when it may have names that its source does not show."""
        return bool(self.error) or "*" in self.names or "__getattr__" in self.names

    def functions(self) -> list[str]:
        """Its functions, for "did you mean"."""
        return [name for name, meaning in self.names.items() if isinstance(meaning, Function)]


@dataclass(frozen=True, slots=True)
class Found:
    """The end of a chain of imports: a class, a function, a value; or the first name outside the readable source."""

    module: Module | None
    meaning: Meaning
    name: str


@dataclass(slots=True)
class Sources:
    """The files read so far. `root` is the folder of queues.yaml."""

    root: Path
    modules: dict[str, Module | None] = field(default_factory=dict)
    files: dict[Path, Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Files that were made a moment ago are not in the finders' caches yet.
        invalidate_caches()

    def module(self, name: str) -> Module | None:
        """The module `name` (dotted), or None when there is no Python file for it."""
        if name not in self.modules:
            file = self._locate(name)
            self.modules[name] = self.read(file, name) if file else None
        return self.modules[name]

    def own(self, name: str) -> Module | None:
        """The module `name` when it lies below the folder of queues.yaml: the project's own, not an installed one."""
        if not self.has(name):
            return None
        found = self.module(name)
        inside = found and found.file.resolve().is_relative_to(self.root.resolve())
        return found if found and inside and not set(found.file.parts) & set(SKIPPED) else None

    def is_folder(self, name: str) -> bool:
        """Whether `name` is a package without an __init__.py, which has modules but nothing of its own."""
        search: list[str] = [str(self.root.resolve()), *sys.path]
        for part in name.split("."):
            spec = PathFinder.find_spec(part, search)
            if spec is None:
                return False
            search = list(spec.submodule_search_locations or [])
        return spec is not None and spec.origin is None

    def has(self, name: str) -> bool:
        """Whether the folder of queues.yaml itself has something of this name, be it one of Python's own."""
        top = name.partition(".")[0]
        return os.path.isfile(self.root / f"{top}.py") or os.path.isdir(self.root / top)

    def _locate(self, name: str) -> Path | None:
        search = [str(self.root.resolve()), *sys.path]
        spec = None
        for part in name.split("."):
            # By its last name only: for a dotted one the finder wants the parent in sys.modules, imported.
            spec = PathFinder.find_spec(part, search)
            if spec is None:
                return None
            search = list(spec.submodule_search_locations or [])
        return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None

    def read(self, file: Path, name: str | None = None) -> Module:
        """The parsed `file`; unreadable source is a Module with an error."""
        key = file.resolve()
        if key not in self.files:
            self.files[key] = parse(file, name or self._name(file))
        return self.files[key]

    def _name(self, file: Path) -> str:
        try:
            parts = list(file.resolve().relative_to(self.root.resolve()).with_suffix("").parts)
        except ValueError:
            parts = [file.stem]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def find(self, module: Module, name: str) -> Found | None:
        """What `name` (dotted: `payments.ProcessPaymentJob`) means in `module`, through imports; None when unknown."""
        head, _, rest = name.partition(".")
        found = self._follow(module, head)
        while found and rest:
            head, _, rest = rest.partition(".")
            found = self._inside(found, head)
        return found

    def _follow(self, module: Module, name: str, steps: int = FARTHEST) -> Found | None:
        meaning = module.names.get(name)
        if meaning is None or steps == 0:
            return Found(None, Imported(module.name, name), name) if module.open else None
        if not isinstance(meaning, Imported) or meaning.name is None:
            return Found(module, meaning, name)
        source = self.module(meaning.module)
        if source and meaning.name in source.names:
            return self._follow(source, meaning.name, steps - 1)
        if self.module(f"{meaning.module}.{meaning.name}"):
            return Found(module, Imported(f"{meaning.module}.{meaning.name}"), name)
        return None if source and not source.open else Found(None, meaning, meaning.name)

    def _inside(self, found: Found, name: str) -> Found | None:
        if not isinstance(found.meaning, Imported) or found.meaning.name is not None:
            return None
        source = self.module(found.meaning.module)
        if source and name in source.names:
            return self._follow(source, name)
        if self.module(f"{found.meaning.module}.{name}"):
            return Found(source, Imported(f"{found.meaning.module}.{name}"), name)
        return Found(None, Imported(found.meaning.module, name), name)


def parse(file: Path, name: str) -> Module:
    """Parse one file."""
    nothing = ast.Module(body=[], type_ignores=[])
    try:
        with warnings.catch_warnings():
            # A doubtful escape sequence in somebody's string is not our finding.
            warnings.simplefilter("ignore")
            source = file.read_bytes()
            tree = ast.parse(source, str(file))
    except SyntaxError as error:
        return Module(name, file, nothing, {}, error.msg or "invalid syntax", error.lineno or 0)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        return Module(name, file, nothing, {}, str(error) or type(error).__name__)
    is_package = file.name == "__init__.py"
    names = _names(tree, name if is_package else name.rpartition(".")[0])
    return Module(name, file, tree, names, dispatches=b"dispatch" in source)


def _names(tree: ast.Module, package: str) -> dict[str, Meaning]:
    """The module's names; imports and classes inside functions too, where the module itself does not say otherwise."""
    names: dict[str, Meaning] = {}
    for node in _top_level(tree.body):
        names.update(_bound(node, package))
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Import | ast.ImportFrom | ast.ClassDef):
            for name, meaning in _bound(inner, package).items():
                names.setdefault(name, meaning)
    return names


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(node, part, []):
                    yield from _top_level(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _bound(node: ast.AST, package: str) -> dict[str, Meaning]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return {node.name: node}
        case ast.Import():
            return {
                alias.asname or alias.name.partition(".")[0]: Imported(
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                for alias in node.names
            }
        case ast.ImportFrom():
            module = absolute(node, package)
            return {alias.asname or alias.name: Imported(module, alias.name) for alias in node.names}
        case ast.Assign(value=value):
            return {target.id: value for target in node.targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return {name: value}
        case _:
            return {}


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The module of a from-import, its leading dots resolved."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    kept = parts[: len(parts) - (node.level - 1)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def python_files(path: Path) -> Iterator[Path]:
    """The Python files at and below `path`, in order, without hidden folders and installed packages."""
    if os.path.isfile(path):
        if path.suffix == ".py":
            yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        yield from (
            Path(folder, name) for name in sorted(names) if name.endswith(".py") and os.path.isfile(Path(folder, name))
        )


SCRIPTS = (".sh", ".bash", ".cron", ".crontab")
CRONTABS = ("crontab", "cron")


def script_files(path: Path) -> Iterator[Path]:
    """The shell scripts and crontabs at and below `path`, by their names."""
    if os.path.isfile(path):
        if path.suffix in SCRIPTS or path.name in CRONTABS or path.parent.name == "cron.d":
            yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        for name in sorted(names):
            if name.endswith(SCRIPTS) or name in CRONTABS:
                yield Path(folder, name)


def dotted(node: ast.expr) -> str | None:
    """`a.b.C` of a chain of names; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return None
