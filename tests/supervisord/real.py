"""The same file read by supervisor itself, as plain values to hold ours against."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor import datatypes, options  # type: ignore[import-untyped]  # supervisor ships no types
from supervisor.datatypes import (  # type: ignore[import-untyped]  # supervisor ships no types
    Automatic,
    RestartUnconditionally,
    RestartWhenExitUnexpected,
)

from qsup.check.supervisord.files import read
from qsup.check.supervisord.programs import Read
from qsup.check.supervisord.settings import AUTO

SHARED = (
    "priority", "autostart", "startsecs", "startretries", "stopwaitsecs", "stopasgroup", "killasgroup",
    "redirect_stderr", "stdout_capture_maxbytes", "stdout_events_enabled", "stderr_capture_maxbytes",
    "stderr_events_enabled", "umask",
)  # fmt: skip
OWN = (
    "stdout_logfile_backups", "stdout_logfile_maxbytes", "stdout_syslog",
    "stderr_logfile_backups", "stderr_logfile_maxbytes", "stderr_syslog",
)  # fmt: skip
RESTART = {RestartUnconditionally: "always", RestartWhenExitUnexpected: "unexpected", False: "never"}

Told = dict[tuple[str, str], dict[str, Any]]
"""(group, process) → its settings."""


@dataclass(frozen=True)
class Refused:
    """supervisord would not start with the file."""

    why: str


@contextmanager
def any_machine() -> Iterator[None]:
    """supervisor reads, but does not ask this machine whether folders and users exist: neither do we."""
    anything = {"existing_directory": os.path.expanduser, "existing_dirpath": os.path.expanduser, "name_to_uid": str}
    places = [(module, name) for module in (datatypes, options) for name in anything if hasattr(module, name)]
    before = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, anything[name])
    try:
        yield
    finally:
        for (module, name), own in zip(places, before, strict=True):
            setattr(module, name, own)


def by_supervisor(file: Path, environ: Mapping[str, str]) -> Told | Refused:
    """What supervisor reads of a file with a [supervisord]."""
    reader = options.ServerOptions()
    reader.configfile, reader.here = str(file), str(file.parent)
    reader.environ_expansions = {f"ENV_{key}": value for key, value in environ.items()}
    try:
        with any_machine():
            reader.read_config(str(file))
    except ValueError as error:
        return Refused(str(error))
    found: Told = {}
    for group in reader.configroot.supervisord.process_group_configs:
        for process in group.process_configs:
            found[(group.name, process.name)] = _plain(process)
    return found


def _plain(process: Any) -> dict[str, Any]:
    told = {key: getattr(process, key) for key in (*SHARED, *OWN)}
    for key in ("stdout_logfile", "stderr_logfile"):
        value = getattr(process, key)
        told[key] = AUTO if value is Automatic else value
    return told | {
        "command": process.command,
        "directory": process.directory,
        "environment": dict(process.environment),
        "autorestart": RESTART[process.autorestart],
        "exitcodes": list(process.exitcodes),
    }


def by_us(file: Path, environ: Mapping[str, str]) -> Told | Refused:
    """The same of our reader."""
    found = read([file], environ)
    refusals = [str(problem) for problem in found.problems if problem.severity == "error" and problem.code != "Q604"]
    unset = [str(problem) for problem in found.problems if problem.code == "Q603"]
    return Refused("\n".join([*refusals, *unset])) if refusals or unset else told(found)


def told(found: Read) -> Told:
    """What our reader read, as `by_supervisor` tells it."""
    return {
        (program.group or program.name, process.name): {
            **{key: program.values[key] for key in (*SHARED, "autorestart")},
            **{key: process.settings[key] for key in (*OWN, "directory")},
            "stdout_logfile": _home(process.settings["stdout_logfile"]),
            # What a redirected stream has of its own, supervisor ignores.
            "stderr_logfile": None if program.values["redirect_stderr"] else _home(process.settings["stderr_logfile"]),
            "command": process.command,
            "environment": dict(process.environment),
            "exitcodes": list(program.values["exitcodes"]),
        }
        for program in found.programs
        for process in program.processes
    }


def _home(path: str | None) -> str | None:
    return os.path.expanduser(path) if path is not None else None
