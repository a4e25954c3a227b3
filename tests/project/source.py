"""The project's own source as syntax trees: its modules, and which of them imports what."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """One import: the module it really loads, where it stands, and whether only a call reaches it."""

    module: str
    line: int
    lazy: bool


@dataclass(frozen=True)
class Module:
    """One .py file, by its dotted name."""

    name: str
    path: Path

    @property
    def shown(self) -> str:
        return self.name.replace(".", "/") + ("/__init__.py" if self.is_package else ".py")

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> list[Import]:
        """All imports except those that only a type checker sees."""
        return list(_imports(self, self.tree, lazy=False))

    @cached_property
    def functions(self) -> list[tuple[str, int, int]]:
        """Name, line and number of lines of every function, methods and inner ones too."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        return [(node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1) for node in nodes]


def modules(*packages: str) -> list[Module]:
    """All modules of these top-level packages."""
    found = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    return [Module(_dotted(path), path) for path in found]


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(module: Module, tree: ast.AST, *, lazy: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (Import(name, node.lineno, lazy) for name in _from(module, node))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imports(module, ast.Module(node.orelse, []), lazy=lazy)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(module, node, lazy=lazy or inside)


def _from(module: Module, node: ast.ImportFrom) -> Iterator[str]:
    source = node.module or ""
    if node.level:
        package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
        source = ".".join([*package[: len(package) - node.level + 1], *([source] if source else [])])
    for alias in node.names:
        # `from qsup.supervise import plan` loads the module qsup.supervise.plan; `from qsup.job import Job` does not.
        inner = f"{source}.{alias.name}"
        yield inner if _is_module(inner) else source


@cache
def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def top(name: str) -> str:
    """`psycopg` of `psycopg.rows`."""
    return name.partition(".")[0]


def is_standard(name: str) -> bool:
    """Whether it belongs to Python itself."""
    return top(name) in sys.stdlib_module_names
