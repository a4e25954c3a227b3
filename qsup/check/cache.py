"""What earlier runs found out, by the hash of what they found it from. It may be missing, foreign or broken.

One file for each project in the user's own cache folder, never in the project: what a repository brings along must not
tell what is in it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsup.version import __version__

MOST_BYTES = 64_000_000
"""Of one file; 10,000 files of Python come to 12 MB. More is not kept."""
MOST_FILES = 20
"""Projects that are kept, the last used ones."""

Section = dict[str, Any]


@dataclass(slots=True)
class Cache:
    """What is known, in sections. `file` is where it stays between runs; None for not at all."""

    file: Path | None = None
    old: dict[str, Section] = field(default_factory=dict)
    """What earlier runs left."""
    new: dict[str, Section] = field(default_factory=dict)
    """What this run used or found."""
    changed: bool = False

    @property
    def filled(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.old)

    def look(self, section: str, key: str) -> Any:
        """What is kept, as JSON had it; None when nothing is."""
        found = self.old.get(section, {}).get(key)
        if found is not None:
            self.new.setdefault(section, {})[key] = found
        return found

    def keep(self, section: str, key: str, value: Any) -> None:
        """Keep JSON-ready values."""
        self.new.setdefault(section, {})[key] = value
        self.changed = True

    def save(self, *, whole: bool = True) -> None:
        """Write what this run used or found. After a `whole` one, of all the project's code, the rest is dropped.

        Never raises: a full disk costs the next run time.
        """
        if not whole:
            self.new = {name: {**self.old.get(name, {}), **self.new.get(name, {})} for name in {*self.old, *self.new}}
        fewer = any(len(self.new.get(name, {})) < len(section) for name, section in self.old.items())
        if self.file is None or not (self.changed or fewer):
            return
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self.file, _packed(self.new))
            _drop_oldest(self.file.parent)


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Syntax trees and JSON are millions of objects without circles: looking for some takes two thirds of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def opened(root: Path, environ: Mapping[str, str]) -> Cache:
    """The cache of the project at `root`; an empty one without a file where there is no safe place for it."""
    folder = place(environ)
    if folder is None:
        return Cache()
    name = hashlib.sha256(f"{root.resolve()}\0{reader()}".encode(errors="surrogateescape")).hexdigest()
    file = folder / f"{name[:40]}.json"
    with without_collecting():
        return Cache(file, _read(file))


def place(environ: Mapping[str, str]) -> Path | None:
    """`$XDG_CACHE_HOME/qsup/validate`, else `~/.cache/qsup/validate`; None when neither is an absolute path."""
    given = environ.get("XDG_CACHE_HOME", "")
    home = environ.get("HOME", "")
    folder = Path(given) if given.startswith("/") else Path(home, ".cache") if home.startswith("/") else None
    return folder / "qsup" / "validate" if folder is not None else None


@functools.cache
def reader() -> str:
    """What reads the code: Python and every line of qsup that does; another one may find something else."""
    found = hashlib.sha256(f"{__version__}\0{sys.version}\0".encode())
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()


def _packed(sections: dict[str, Section]) -> bytes:
    body = json.dumps(sections, separators=(",", ":")).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _read(file: Path) -> dict[str, Section]:
    """What is in the file; nothing when it is not ours, or not as it was written."""
    try:
        source = _own_bytes(file)
        total, _, body = source.partition(b"\n")
        found = json.loads(body) if total == hashlib.sha256(body).hexdigest().encode() else {}
    except (OSError, ValueError, RecursionError, MemoryError):
        return {}
    sound = isinstance(found, dict) and all(isinstance(section, dict) for section in found.values())
    return found if sound else {}


def _own_bytes(file: Path) -> bytes:
    """The contents. Raises OSError for what another user could have written, or what is no plain file."""
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        for facts in (os.fstat(opened.fileno()), os.stat(file.parent)):
            if facts.st_uid != os.geteuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise PermissionError
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise PermissionError
        # So that the oldest is the one that was used longest ago.
        with contextlib.suppress(OSError):
            os.utime(opened.fileno())
        return opened.read(MOST_BYTES + 1)


def _write(file: Path, contents: bytes) -> None:
    """Put it there in one step: who reads meanwhile sees the old one or the new one."""
    if len(contents) > MOST_BYTES:
        return
    number, name = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
    try:
        with open(number, "wb") as opened:
            opened.write(contents)
        os.replace(name, file)
    except OSError:
        os.unlink(name)


def _drop_oldest(folder: Path) -> None:
    """Leave the last used ones, and no half-written file of a run that was killed."""
    files = sorted(folder.iterdir(), key=lambda file: file.lstat().st_mtime, reverse=True)
    for file in files[MOST_FILES:]:
        file.unlink(missing_ok=True)
