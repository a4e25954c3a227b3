"""supervisord files from the disk, with what they include. Read only: nothing is started, nothing need exist."""

from __future__ import annotations

import glob
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from qsup.check.problem import Problem, Severity
from qsup.check.scan import shown
from qsup.check.supervisord import programs
from qsup.check.supervisord.expand import Names, expand
from qsup.check.supervisord.ini import Entry, Ini
from qsup.check.supervisord.programs import Read, World
from qsup.reading import read as read_bytes

MOST_BYTES = 4 * 1024 * 1024
"""Of one file; a program takes about a kilobyte."""
MAIN = ("supervisord", "include")
"""Sections that make a file the one that supervisord is started with, not one that it includes."""


def read(files: Sequence[Path], environ: Mapping[str, str]) -> Read:
    """The programs of `files`, read as one configuration. `environ` fills in %(ENV_…)s. Never raises for a file.

    One of them may be supervisord's own file; the others count as included by it, also without one.
    """
    gathered = _Gathered(environ)
    main = [file for file in files if _is_main(file)]
    for file in main:
        gathered.add_main(file)
    for file in files:
        gathered.add_part(file)
    return programs.read(gathered.ini, World(gathered.here, platform.node(), environ))


def _is_main(file: Path) -> bool:
    probe = Ini()
    probe.read(_text(file) or "", str(file))
    return any(name in probe.sections for name in MAIN)


def _text(file: Path) -> str | None:
    try:
        return read_bytes(file, MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


class _Gathered:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.ini = Ini()
        self.here = ""
        self.environ = environ
        self.seen: set[str] = set()

    def add_main(self, file: Path) -> None:
        """A file that supervisord would be started with."""
        here = _folder(file)
        self.here = self.here or here
        if self._read(file) and "include" in self.ini.sections:
            # Only then; without includes `here` is one of the names that values are expanded with.
            self.ini.expand_here(here)
            self._include(here)

    def add_part(self, file: Path) -> None:
        """A file that would be included; nothing when it was."""
        self.here = self.here or _folder(file)
        if self._read(file):
            self.ini.expand_here(_folder(file))

    def _read(self, file: Path) -> bool:
        """False when it was read before or cannot be read."""
        key = os.path.realpath(file)
        if key in self.seen:
            return False
        self.seen.add(key)
        try:
            found = read_bytes(file, MOST_BYTES)
            if len(found) > MOST_BYTES:
                raise ValueError(f"it is too large, expected at most {MOST_BYTES // 1024**2} MB")
            text = found.decode("utf-8")
        except UnicodeDecodeError:
            self._cannot(file, "it is not UTF-8")
        except OSError as error:
            self._cannot(file, (error.strerror or str(error)).lower())
        except ValueError as error:
            self._cannot(file, str(error))
        else:
            self.ini.read(text, shown(file))
            return True
        return False

    def _cannot(self, file: Path, why: str) -> None:
        self.ini.problems.append(Problem(code="Q600", message=f"the file cannot be read: {why}", path=shown(file)))

    def _include(self, here: str) -> None:
        entry = self.ini.merged(self.ini.sections["include"]).get("files")
        if entry is None:
            section = self.ini.sections["include"]
            entry = Entry(key="files", value="", file=section.file, line=section.line, column=1)
            self._tell(entry, "Q602", "[include] has no `files`: supervisord refuses the file", "error")
            return
        for pattern in self._patterns(entry, here):
            found = sorted(glob.glob(os.path.join(here, pattern)))
            if not found:
                self._tell(entry, "Q610", f"no file is found for {pattern}", "warning")
            for name in found:
                self._included(Path(name), entry)

    def _patterns(self, entry: Entry, here: str) -> Iterable[str]:
        variables = {f"ENV_{name}": value for name, value in self.environ.items()}
        names = Names({"here": here, "host_node_name": platform.node(), **variables})
        try:
            found = expand(entry.value, names)
        except ValueError as error:
            self._tell(entry, "Q602", f"`files` {error}", "error")
            return []
        for variable in names.unset:
            message = f"`files` needs the environment variable {variable}, which is not set here"
            self._tell(entry, "Q603", message, "warning")
        return found.split()

    def _included(self, file: Path, entry: Entry) -> None:
        if not self._read(file):
            return
        inner = self.ini.merged(self.ini.sections["include"])["files"]
        if inner is not entry:
            # What counts is the main file's: supervisor has read it before.
            self._tell(inner, "Q605", "an [include] in an included file is ignored by supervisord", "warning")
            self.ini.sections["include"].entries["files"] = entry
        self.ini.expand_here(_folder(file))

    def _tell(self, entry: Entry, code: str, message: str, severity: Severity) -> None:
        self.ini.problems.append(
            Problem(
                code=code,
                severity=severity,
                message=message,
                path=entry.file,
                line=entry.line,
                column=entry.column,
            )
        )


def _folder(file: Path) -> str:
    return os.path.dirname(os.path.abspath(file))
