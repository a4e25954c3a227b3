"""Python source as names: which file a module is, what its names mean, where a name leads. Nothing is imported.

Modules are looked up as the handlers' processes would: first below the folder of queues.yaml, then on sys.path.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import invalidate_caches
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from qsup.check.skim import Skim
from qsup.check.skimmer import decoded, parse
from qsup.check.summary import Summary

SKIPPED = ("__pycache__", "node_modules", "site-packages", "venv")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Imported:
    """A name that an import bound: a module, or (with `name`) something in it."""

    module: str
    name: str | None = None


@dataclass(slots=True, eq=False)
class Module:
    """A file with its summary; its syntax tree is made when somebody asks for it."""

    name: str
    file: Path
    summary: Summary
    digest: str = ""
    """Of the contents that the summary is of."""
    _tree: ast.Module | None = None

    @property
    def tree(self) -> ast.Module:
        """The syntax tree; an empty one of what cannot be read or parsed, or no more."""
        if self._tree is None:
            try:
                self._tree = ast.Module([], []) if self.error else parse(self.file.read_bytes())
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                self._tree = ast.Module([], [])
        return self._tree

    @property
    def error(self) -> str:
        """Why it could not be parsed; then it has no names."""
        return self.summary.error

    @property
    def line(self) -> int:
        """Where the error is; 0 = in the file as a whole."""
        return self.summary.line

    @property
    def package(self) -> str:
        """The package that its relative imports begin in."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]

    def imported(self) -> set[str]:
        """Every module that it may import, in full: of `from a import b` both `a` and `a.b`."""
        found = set[str]()
        for level, module, name in self.summary.imports:
            home = resolved(level, module, self.package)
            found |= {home, f"{home}.{name}"} if name else {home}
        return found

    def lines(self) -> list[str]:
        """Its text, read again: only what has a finding needs it."""
        try:
            return decoded(self.file.read_bytes()).splitlines()
        except OSError:
            return []

    def column(self, line: int, offset: int) -> int:
        """The column, from 1 and in characters, of what begins `offset` bytes of UTF-8 into the line."""
        lines = self.lines()
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        return offset + 1 if text.isascii() else len(text.encode()[:offset].decode(errors="replace")) + 1

    @property
    def open(self) -> bool:
        """True when it may have names that its source does not show."""
        return bool(self.error) or "*" in self.summary.names or "__getattr__" in self.summary.names

    def functions(self) -> tuple[str, ...]:
        """Its functions, for "did you mean"."""
        return self.summary.functions


Asked = tuple[str, str]
"""A question to the sources: what it is about, and a name."""


@dataclass(slots=True)
class Sources:
    """The files read so far. `root` is the folder of queues.yaml."""

    root: Path
    skim: Skim = field(default_factory=Skim)
    modules: dict[str, Module | None] = field(default_factory=dict)
    files: dict[str, Module] = field(default_factory=dict)
    """By their real paths."""
    asked: dict[Asked, None] = field(default_factory=dict)
    """The questions that were asked since somebody began to listen."""
    oracles: dict[str, Callable[[str], str]] = field(default_factory=dict)
    """Who answers the questions that are not about files, by their kind."""
    real: Path = field(init=False)
    _specs: dict[str, ModuleSpec | None] = field(default_factory=dict)
    _folders: dict[str, str] = field(default_factory=dict)
    _tops: dict[str, bool] = field(default_factory=dict)
    _own: dict[str, Module | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Files that were made a moment ago are not in the finders' caches yet.
        invalidate_caches()
        self.real = self.root.resolve()

    def answer(self, question: Asked) -> str:
        """What a question is answered now, in a word: the same word means that nothing follows otherwise."""
        kind, name = question
        if kind == "module":
            found = self.module(name)
            return f"{found.digest} {found.name} {self._resolved(found.file)}" if found else ""
        if kind in self.oracles:
            return self.oracles[kind](name)
        return str(self.has(name) if kind == "has" else self.is_folder(name))

    @contextmanager
    def listening(self) -> Iterator[dict[Asked, None]]:
        """The questions that are asked inside; who listens around does not hear them."""
        around, self.asked = self.asked, {}
        try:
            yield self.asked
        finally:
            self.asked = around

    def module(self, name: str) -> Module | None:
        """The module `name` (dotted), or None when there is no Python file for it."""
        self.asked["module", name] = None
        if name not in self.modules:
            file = self._locate(name)
            self.modules[name] = self.read(file, name) if file else None
        return self.modules[name]

    def own(self, name: str) -> Module | None:
        """The module `name` when it lies below the folder of queues.yaml: the project's own, not an installed one."""
        if not self.has(name):
            return None
        self.asked["module", name] = None
        if name not in self._own:
            self._own[name] = self._of_project(name)
        return self._own[name]

    def _of_project(self, name: str) -> Module | None:
        found = self.module(name)
        inside = found and self._resolved(found.file).startswith(os.path.join(self.real, ""))
        return found if found and inside and not set(found.file.parts) & set(SKIPPED) else None

    def is_folder(self, name: str) -> bool:
        """Whether `name` is a package without an __init__.py, which has modules but nothing of its own."""
        self.asked["folder", name] = None
        spec = self._spec(name)
        return spec is not None and spec.origin is None

    def has(self, name: str) -> bool:
        """Whether the folder of queues.yaml itself has something of this name, be it one of Python's own."""
        self.asked["has", name] = None
        top = name.partition(".")[0]
        if top not in self._tops:
            self._tops[top] = os.path.isfile(self.root / f"{top}.py") or os.path.isdir(self.root / top)
        return self._tops[top]

    def _spec(self, name: str) -> ModuleSpec | None:
        if name not in self._specs:
            before, _, last = name.rpartition(".")
            around = self._spec(before) if before else None
            places = list(around.submodule_search_locations or []) if around else []
            # By its last name only: for a dotted one the finder wants the parent in sys.modules, imported.
            found = PathFinder.find_spec(last, places if before else [str(self.real), *sys.path])
            self._specs[name] = found if around or not before else None
        return self._specs[name]

    def _locate(self, name: str) -> Path | None:
        spec = self._spec(name)
        return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None

    def read(self, file: Path, name: str | None = None) -> Module:
        """The module of `file`; unreadable source is one with an error."""
        key = self._resolved(file)
        if key not in self.files:
            known = self.skim.of_file(file)
            self.files[key] = Module(name or self._name(Path(key), file), file, known.summary, known.digest)
        return self.files[key]

    def _resolved(self, file: Path) -> str:
        """As file.resolve(), which looks at every folder on the way every time."""
        folder, name = os.path.split(file)
        if os.path.islink(file):
            return os.path.realpath(file)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)

    def _name(self, key: Path, file: Path) -> str:
        try:
            parts = list(key.relative_to(self.real).with_suffix("").parts)
        except ValueError:
            parts = [file.stem]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The module of a from-import, its leading dots resolved."""
    return resolved(node.level, node.module or "", package)


def resolved(level: int, module: str, package: str) -> str:
    """A module that is named after `level` dots in `package`."""
    if not level:
        return module
    parts = package.split(".") if package else []
    kept = parts[: len(parts) - (level - 1)]
    return ".".join([*kept, *([module] if module else [])])


def python_files(path: Path) -> Iterator[Path]:
    """The Python files at and below `path`, in order, without hidden folders and installed packages."""
    if os.path.isfile(path):
        if path.suffix == ".py":
            yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        for name in sorted(names):
            if name.endswith(".py") and os.path.isfile(os.path.join(folder, name)):
                yield Path(folder, name)


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
