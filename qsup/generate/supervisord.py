"""The programs of a supervisord file: one for each queue that has workers, each process one `qsup worker`.

No [group]: supervisord restarts a whole group when one of its programs changes (Supervisor #1154). Nothing secret is
written: the workers find their database as every qsup command does.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qsup.errors import QsupError
from qsup.generate.file import File
from qsup.routing import MARGIN, Queue, Routing

STARTSECS = 5
"""A worker with a broken file or broken code has ended by then, also on a busy machine; it waits for PostgreSQL
itself, so a database that is away never counts as a failed start."""
STARTRETRIES = 10
LOG_BYTES = "10MB"
LOG_BACKUPS = 7

PROGRAM_NAME = re.compile(r"[\w.-]+")
BARE = re.compile(r"[A-Za-z0-9_./:=@+-]+")
COMMENT = re.compile(r"\s[;#]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the workers run: all paths absolute."""

    program: tuple[str, ...]
    """The argv that starts qsup: the script, or the interpreter with `-m qsup`."""
    config_file: str
    directory: str
    log_directory: str
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def generate(routing: Routing, place: Place, name: str, remake: str) -> File:
    """The file `name`; `remake` is the command that makes it again, for its readers.

    Raises QsupError for a value that a supervisord file cannot hold.
    """
    served = [queue for queue in routing.queues.values() if queue.workers > 0]
    sections = [_header(routing, remake), *(_program(routing, queue, place) for queue in served)]
    return File(name, "\n".join(sections))


def fingerprint(routing: Routing) -> str:
    """Twelve hexadecimal digits that change with the routing. `database` is left out: it may hold a password."""
    said = routing.to_dict() | {"database": None}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def stop_wait(routing: Routing, queue: str) -> int:
    """Whole seconds that supervisord must wait after TERM: the longest job of the slot, its hard end, the margin."""
    grace = max(routing.queues[name].grace for name in routing.pool(queue))
    return math.ceil(routing.longest(queue) + grace + MARGIN)


def _header(routing: Routing, remake: str) -> str:
    return (
        "; Made from queues.yaml by qsup; edit that file, then make this one again:\n"
        f";   {_printable('the command line', remake)}\n"
        f"; config {fingerprint(routing)}\n"
    )


def _program(routing: Routing, queue: Queue, place: Place) -> str:
    if not PROGRAM_NAME.fullmatch(queue.name):
        raise QsupError(
            f"queue {queue.name!r} cannot be the name of a supervisord program",
            hint="Use letters, digits, '.', '_' and '-' in queue names.",
        )
    also = routing.pool(queue.name)[1:]
    comments = [queue.purpose, f"also serves: {', '.join(also)}" if also else ""]
    lines = [f"; {' '.join(text.split())}" for text in comments if text]
    values = _settings(routing, queue, place)
    return "\n".join([*lines, f"[program:qsup-{queue.name}]", *(f"{key}={value}" for key, value in values.items()), ""])


def _settings(routing: Routing, queue: Queue, place: Place) -> dict[str, str]:
    argv = (*place.program, "worker", f"--queue={queue.name}", f"--config={place.config_file}")
    settings = {
        "command": command(argv),
        "process_name": "%(program_name)s_%(process_num)02d",
        "numprocs": str(queue.workers),
        "priority": str(queue.priority),
        "directory": value("the directory", place.directory),
        "user": None if place.user is None else value("the user", place.user),
        "environment": environment(place.environment),
        "autostart": "true",
        "autorestart": "true",
        "startsecs": str(_startsecs(queue)),
        "startretries": str(STARTRETRIES),
        "stopsignal": "TERM",
        "stopwaitsecs": str(stop_wait(routing, queue.name)),
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": log_directory(place.log_directory) + "/%(program_name)s_%(process_num)02d.log",
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": str(LOG_BACKUPS),
    }
    return {key: setting for key, setting in settings.items() if setting}


def _startsecs(queue: Queue) -> int:
    # A worker that leaves as told within `startsecs` counts as a failed start, also with autorestart=true; after
    # STARTRETRIES of them supervisord gives the program up and the queue is unheard.
    leaves_early = queue.max_jobs > 0 or 0 < queue.max_time <= 2 * STARTSECS
    return 0 if leaves_early else STARTSECS


def command(argv: tuple[str, ...]) -> str:
    """The argv as supervisord's `command`, which it reads with shlex and never gives to a shell."""
    words = [value("the command", word) for word in argv]
    return " ".join(word if BARE.fullmatch(word) else f'"{word}"' for word in words)


def environment(variables: Mapping[str, str]) -> str:
    """`KEY="value"` pairs; always quoted, because an unquoted space cuts the value without a word."""
    for key, text in variables.items():
        if text != text.strip("'"):
            raise _unwritable(key, text, "a quote at its beginning or end, which supervisord strips")
    return ",".join(f'{key}="{value(key, text)}"' for key, text in variables.items())


def log_directory(path: str) -> str:
    """The directory for `stdout_logfile`, the one key that supervisord (4.2 to 4.4, read and tried) expands twice."""
    return value("the log directory", path.rstrip("/")).replace("%", "%%")


def value(what: str, text: str) -> str:
    """`text` as it must stand after `key=`. Raises QsupError when no spelling of it would be read back the same."""
    _printable(what, text)
    if '"' in text or "\\" in text:
        raise _unwritable(what, text, "a double quote or a backslash, which supervisord cannot escape")
    if COMMENT.search(text):
        raise _unwritable(what, text, "';' or '#' after a space, which begins a comment, also inside quotes")
    if text != text.strip():
        raise _unwritable(what, text, "a space at its beginning or end, which supervisord drops")
    return text.replace("%", "%%")


def _printable(what: str, text: str) -> str:
    if not text.isprintable():
        raise _unwritable(what, text, "a line break or another character that cannot be printed")
    return text


def _unwritable(what: str, text: str, reason: str) -> QsupError:
    return QsupError(
        f"a supervisord file cannot hold {what} {text!r}: it has {reason}",
        hint="Move or rename it, or name another with --directory, --log-directory or --user.",
    )
