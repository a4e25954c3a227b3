"""From a file on the disk to what may be applied; also `python -m qsup.check.load FILE`, the child that does it.

A child, because the supervisor must not hang or die on what someone saves: it prints one JSON object (`main`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from qsup.check.problem import Problem, in_order
from qsup.check.rules import check
from qsup.config import Loaded, Parsed, parse
from qsup.errors import ConfigUnreadable, ExitCode
from qsup.faults import problem
from qsup.reading import MOST_BYTES, read
from qsup.routing import Routing


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read, check and expand the file at `path`. Never raises for anything in or about the file."""
    try:
        source = _bytes(path)
        text = _text(source)
    except _Unreadable as unreadable:
        return _nothing(path, unreadable)
    parsed = parse(text, str(path), environ)
    parsed, more = _with_database_file(parsed, path)
    problems = in_order([*parsed.problems, *more, *check(parsed)])
    sound = not any(found.severity == "error" for found in problems)
    modules = handler_modules(parsed.routing)
    return Loaded(
        routing=parsed.routing if sound else None,
        problems=problems,
        source_hash=hashlib.sha256(source).hexdigest(),
        code_version=code_version(path.parent, modules),
        modules=modules,
        parsed=parsed,
    )


def load_or_raise(path: Path, environ: Mapping[str, str]) -> Routing:
    """The routing of the file at `path`. Raises ConfigUnreadable (exit 78), its message all the errors, a line each."""
    return sound(load(path, environ)).routing


def sound(loaded: Loaded) -> Parsed:
    """What was read. Raises ConfigUnreadable (exit 78) when a problem is an error, its message all of them."""
    if loaded.routing is None or loaded.parsed is None:
        raise ConfigUnreadable("\n".join(str(found) for found in loaded.problems if found.severity == "error"))
    return loaded.parsed


class _Unreadable(Exception):
    def __init__(self, code: str, message: str, hint: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.line, self.column = code, message, hint, line, column


def _bytes(path: Path) -> bytes:
    try:
        found = read(path)
    except OSError as error:
        hint = "name another with --config FILE, or run `qsup init`" if isinstance(error, FileNotFoundError) else ""
        raise _Unreadable("Q001", f"the file cannot be read: {(error.strerror or str(error)).lower()}", hint) from None
    if len(found) > MOST_BYTES:
        raise _Unreadable("Q004", f"the file is too large, expected at most {MOST_BYTES // 1024} kB")
    return found


def _text(source: bytes) -> str:
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise _Unreadable("Q002", "this is not UTF-8", "save the file as UTF-8", line, column) from None


def _nothing(path: Path, why: _Unreadable) -> Loaded:
    found = Problem(code=why.code, message=why.message, hint=why.hint, path=str(path), line=why.line, column=why.column)
    return Loaded(routing=None, problems=(found,), source_hash="", code_version="", modules=())


def _with_database_file(parsed: Parsed, path: Path) -> tuple[Parsed, list[Problem]]:
    """`database_file:` read into the routing; its text is in no problem."""
    name = parsed.document.database_file
    if name is None:
        return parsed, []
    place = parsed.tree.at("database_file")
    try:
        text = read(path.parent / name).decode("utf-8").strip()
    except (OSError, ValueError):
        text = ""
    if not text or "\0" in text:
        message = "`database_file` names a file that is missing, unreadable or empty"
        return parsed, [problem("Q022", message, ("database_file",), parsed.tree, place)]
    return replace(parsed, routing=replace(parsed.routing, database=text)), []


def handler_modules(routing: Routing) -> tuple[str, ...]:
    """The modules of all handlers and `failed` hooks, sorted."""
    names = (name for route in routing.routes.values() for name in (route.handler, route.failed) if name)
    return tuple(sorted({name.partition(":")[0] for name in names}))


def code_version(root: Path, modules: Iterable[str]) -> str:
    """SHA-256 over the sorted (path, bytes) of every Python file in the modules' top-level packages below `root`."""
    digest = hashlib.sha256()
    for top in sorted({name.partition(".")[0] for name in modules}):
        for file in sorted(_python_files(root, top)):
            content = _content(file)
            digest.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode(errors="surrogateescape"))
            digest.update(content)
    return digest.hexdigest()


def _python_files(root: Path, top: str) -> Iterator[Path]:
    # os.path.isfile: a name that is too long, or a folder that may not be entered, is no file instead of an error.
    if os.path.isfile(single := root / f"{top}.py"):
        yield single
    for folder, _, names in os.walk(root / top):
        yield from (Path(folder, name) for name in names if name.endswith(".py") and os.path.isfile(Path(folder, name)))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        # Whether it can be imported, the template finds out.
        return f"unreadable: {error.errno}".encode()


def _unheard(loaded: Loaded, file: Path, dsn: str) -> list[Problem]:
    # Imported here: only the supervisor's reading child needs the scanner, every command reads the file.
    from qsup.check.stranding import findings

    return findings(loaded, file.absolute().parent, dsn)


def main(arguments: list[str]) -> int:
    """Print what `load` found in the file named in `arguments` as a line of JSON; 0, or 78 when it has errors.

    With `--stranding` a second line says what the file leaves unheard; standard input then holds the DSN, which may be
    secret. `--patient`: nobody waits for that line, and workers that are just starting need the processor more.
    """
    options = {word for word in arguments if word in ("--stranding", "--patient")}
    files = [word for word in arguments if word not in options]
    if len(files) != 1:
        print("usage: python -m qsup.check.load [--stranding [--patient]] FILE", file=sys.stderr)
        return ExitCode.USAGE
    file = Path(files[0])
    loaded = load(file, os.environ)
    print(json.dumps(_answer(loaded)), flush=True)
    if "--patient" in options:
        os.nice(5)
    if "--stranding" in options:
        print(json.dumps({"findings": [found.to_dict() for found in _unheard(loaded, file, sys.stdin.read())]}))
    return ExitCode.OK if loaded.routing else ExitCode.BAD_CONFIG


def _answer(loaded: Loaded) -> dict[str, object]:
    return {
        "routing": loaded.routing.to_dict() if loaded.routing else None,
        "problems": [found.to_dict() for found in loaded.problems],
        "source_hash": loaded.source_hash,
        "code_version": loaded.code_version,
        "modules": list(loaded.modules),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
