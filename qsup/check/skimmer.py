"""Reads one Python file by itself: its names, imports and classes, and whether it can dispatch anything.

A function of the bytes alone, so that it may be kept under their hash and made in other processes: this file run by
its path (`python -I -S skimmer.py`) is such a process. It imports nothing of qsup's. qsup.check.summary has the shape.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import json
import re
import sys
import threading
import tokenize
import unicodedata
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any

PUBLIC = frozenset({"dispatch", "dispatch_many"})
"""The names of qsup's public functions and of the method of every job."""

REMARK = re.compile(r"#\s*qsup\s*:", re.IGNORECASE)

Import = tuple[int, str, str]
"""Leading dots, module, and the name in it; an empty name for the module itself."""
Meaning = Import | int | None
"""Of a binding: an import, the number of a class, or anything else."""


PARSING = threading.Lock()
"""Threads share the filters of warnings and, in Python 3.11, the parser's count of its depth (a SystemError, once)."""


def parse(source: bytes) -> ast.Module:
    """The syntax tree. Raises SyntaxError or ValueError for what is not Python, RecursionError and MemoryError."""
    with PARSING, warnings.catch_warnings():
        # A doubtful escape sequence in somebody's string is not our finding.
        warnings.simplefilter("ignore")
        return ast.parse(source)


def summarised(source: bytes) -> list[Any]:
    """The summary of a file, as values of JSON.

    Raises RecursionError and MemoryError: what this process cannot read, another may.
    """
    try:
        tree = parse(source)
    except SyntaxError as error:
        return _broken(error.msg or "invalid syntax", error.lineno or 0)
    except ValueError as error:
        return _broken(str(error) or "not Python", 0)
    word = has_word(source)
    found = _Walk()
    found.read(tree, walrus=b":=" in source)
    remarks = word and b"qsup" in source and REMARK.search(decoded(source)) is not None
    # A text of several parts, or with an escape, can say `dispatch` without having it: only getattr takes such a one.
    return found.summary(sends=(word or b"getattr" in source) and _mentions(tree), remarks=remarks)


def _broken(error: str, line: int) -> list[Any]:
    return [error, line, False, False, [], [], [], [], []]


def has_word(source: bytes) -> bool:
    """Whether `dispatch` is in the file in any case, also in letters that Python's parser takes for those (NFKC)."""
    if b"dispatch" in source.lower():
        return True
    plain = source.isascii() and b"coding" not in source[:400]
    return not plain and "dispatch" in unicodedata.normalize("NFKC", decoded(source)).lower()


def decoded(source: bytes) -> str:
    """The text of a file, as its own first lines say that it is encoded."""
    try:
        return source.decode(tokenize.detect_encoding(BytesIO(source).readline)[0], "replace")
    except (SyntaxError, LookupError, ValueError):
        return source.decode("utf-8", "replace")


def says_dispatch(value: object) -> bool:
    """Whether it is a text with the word in it: a name for getattr, a statement, a command line."""
    return isinstance(value, str) and "dispatch" in value.lower()


def _mentions(tree: ast.Module) -> bool:
    """Whether the code itself, not its remarks, has one of the names."""
    remarks: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as value):
                remarks.add(id(value))
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                if name.rpartition(".")[2] in PUBLIC:
                    return True
            case ast.Constant(value=value) if says_dispatch(value) and id(node) not in remarks:
                return True
    return False


QUIET = (ast.Expr, ast.Return, ast.Raise, ast.Pass, ast.Assert, ast.Delete, ast.Break, ast.Continue, ast.Nonlocal)
FLAT = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Global)
"""Statements without others inside; the quiet ones bind nothing either."""


class _Walk:
    """One walk over the statements: expressions bind nothing but by walrus, and hold no class and no import."""

    def __init__(self) -> None:
        self.bound: dict[str, set[Meaning]] = {}
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self.imports: dict[Import, None] = {}
        self.classes: list[tuple[str, list[str]]] = []

    def read(self, tree: ast.Module, *, walrus: bool) -> None:
        waiting: list[tuple[list[Any], bool]] = [(tree.body, True)]
        while waiting:
            body, top = waiting.pop()
            for node in body:
                if isinstance(node, QUIET):
                    continue
                self._statement(node, top)
                if isinstance(node, FLAT):
                    continue
                inner = top and not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                waiting += [
                    (found, inner)
                    for part in ("body", "orelse", "finalbody", "handlers", "cases")
                    if (found := getattr(node, part, None))
                ]
        for node in ast.walk(tree) if walrus else ():
            if isinstance(node, ast.NamedExpr):
                self._bind(node.target.id, None, True)

    def _bind(self, name: str, meaning: Meaning, top: bool) -> None:
        self.bound.setdefault(name, set()).add(meaning)
        if top:
            self.names.add(name)

    def _statement(self, node: ast.AST, top: bool) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]):
                self._bind(name, None, top)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.ClassDef(name=name, bases=bases):
                self._bind(name, len(self.classes), True)
                self.classes.append((name, [_dotted(base) for base in bases]))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._function(node, top)
            case ast.Global(names=names):
                # What it gives them may come before or after: they are the module's either way.
                for name in names:
                    self._bind(name, None, True)
            case _:
                for name in _targets(node):
                    self._bind(name, None, top)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                what = (node.level, node.module or "", alias.name)
                bound, name = what, alias.asname or alias.name
            else:
                first = alias.name.partition(".")[0]
                what = (0, alias.name, "")
                bound, name = (what, alias.asname) if alias.asname else ((0, first, ""), first)
            self.imports[what] = None
            self._bind(name, bound, True)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, top: bool) -> None:
        self._bind(node.name, None, top)
        if top:
            self.functions.add(node.name)
        given = node.args
        for one in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
            if one is not None:
                self._bind(one.arg, None, False)

    def summary(self, *, sends: bool, remarks: bool) -> list[Any]:
        """All of it, in the order of Summary's fields."""
        only = {name: next(iter(found)) for name, found in self.bound.items() if len(found) == 1}
        single = [[name, what] for name, what in only.items() if isinstance(what, tuple)]
        classes = [
            [name, only.get(name) is not None, [self._told(base, only) for base in bases]]
            for name, bases in self.classes
        ]
        imports, functions = list(self.imports), sorted(self.functions)
        return ["", 0, sends, remarks, sorted(self.names), functions, imports, single, classes]

    def _told(self, base: str, only: dict[str, Meaning]) -> str:
        """The base as it was read when its first name can mean one thing at most, else nothing."""
        head = base.partition(".")[0]
        sure = "*" not in self.bound and (only.get(head) is not None if head in self.bound else True)
        return base if sure else ""


def _dotted(node: ast.expr) -> str:
    """`a.b.C` of a chain of names, `Generic` of `Generic[T]`; empty for anything else."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        return node.id
    before = (
        _dotted(node.value) if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Subscript) else ""
    )
    return f"{before}.{node.attr}" if before and isinstance(node, ast.Attribute) else ""


def _targets(node: ast.AST) -> Iterator[str]:
    """The names that a statement, a handler or a case of a match gives values."""
    match node:
        case ast.Assign(targets=targets):
            parts: list[Any] = targets
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            parts = [target]
        case ast.For(target=target) | ast.AsyncFor(target=target):
            parts = [target]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            parts = [item.optional_vars for item in items if item.optional_vars]
        case ast.ExceptHandler(name=str(name)):
            yield name
            return
        case ast.match_case(pattern=pattern):
            parts = [pattern]
        case _:
            return
    for part in parts:
        if isinstance(part, ast.Name):
            yield part.id
        elif not isinstance(part, ast.Attribute | ast.Subscript):
            yield from _named(part)


def _named(target: ast.AST) -> Iterator[str]:
    for node in ast.walk(target):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name


def digest(source: bytes) -> str:
    """What a file's contents are kept under."""
    return hashlib.sha256(source).hexdigest()


def main() -> None:
    """Read paths, one JSON array, from standard input; print a line for each: its digest and summary, or null."""
    # Trees are large and hold no circles: looking for some takes two thirds of the time.
    gc.disable()
    for path in json.load(sys.stdin):
        try:
            with open(path, "rb") as opened:
                source = opened.read()
            answer = [digest(source), summarised(source)]
        except (OSError, RecursionError, MemoryError):
            answer = None
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
