"""supervisord's keys: which there are, what they hold when left out, and how their texts are read. Pure.

From supervisor 4.2 to 4.4, options.py and datatypes.py. Each reader raises ValueError with what it expected.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Literal

AUTO = "AUTO"
"""A log file whose name supervisord chooses."""
SYSLOG = "syslog"

YES = ("yes", "true", "on", "1")
NO = ("no", "false", "off", "0")
UNITS = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
LEVELS = ("critical", "error", "warn", "info", "debug", "trace", "blather")
SIGNALS = """
    ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT RTMAX RTMIN SEGV STKFLT STOP SYS
    TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ
"""
SIGNAL_NUMBERS = (*range(32), 34, 64)
"""Those that Python's signal module has a name for, on Linux; so supervisord asks."""

Restart = Literal["always", "unexpected", "never"]
Read = Callable[[str], Any]


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def octal(text: str) -> int:
    """A umask such as 022."""
    try:
        return int(text, 8)
    except ValueError:
        raise ValueError("an octal number such as 022") from None


def switch(text: str) -> bool:
    """true or false, in supervisord's four spellings of each."""
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise ValueError("true or false")


def size(text: str) -> int:
    """Bytes; KB, MB and GB count in 1024s."""
    unit = UNITS.get(text.lower()[-2:])
    try:
        return int(text[:-2]) * unit if unit else int(text)
    except ValueError:
        raise ValueError("a size such as 10MB") from None


def restart(text: str) -> Restart:
    """autorestart: always (true), unexpected, never (false)."""
    if text.lower() == "unexpected":
        return "unexpected"
    try:
        return "always" if switch(text) else "never"
    except ValueError:
        raise ValueError("true, false or unexpected") from None


def exit_codes(text: str) -> tuple[int, ...]:
    """exitcodes: whole numbers from 0 to 255 with commas between them."""
    try:
        codes = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        codes = (-1,)
    if not all(0 <= code <= 255 for code in codes):
        raise ValueError("numbers from 0 to 255 with commas between them")
    return codes


def stop_signal(text: str) -> str:
    """TERM, SIGTERM or 15, as it was written, in capitals."""
    name = text.strip().upper().removeprefix("SIG")
    if name not in SIGNALS.split() and not (name.isdecimal() and int(name[:4]) in SIGNAL_NUMBERS):
        raise ValueError("a signal such as TERM")
    return name


def level(text: str) -> str:
    """[supervisord] loglevel."""
    if text.lower() not in LEVELS:
        raise ValueError("a log level such as info")
    return text.lower()


def words(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in text.split(",")) if text else ()


def log_file(text: str) -> str | None:
    """A path, AUTO, SYSLOG, or None for no log file."""
    match text.lower():
        case "none" | "off":
            return None
        case "auto":
            return AUTO
        case "syslog":
            return SYSLOG
    return text


def name(text: str) -> str:
    """The name of a program, process or group."""
    if any(letter in text.strip() for letter in " :/"):
        raise ValueError("a name without spaces, colons and slashes")
    return text.strip()


def variables(text: str) -> tuple[dict[str, str], list[str]]:
    """environment: the variables, and the names of those whose value is cut off without a word.

    With supervisor's own steps (up to 4.3: shlex, not in its POSIX mode; the fourth token is taken for the comma).
    """
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    try:
        tokens = list(lexer)
    except ValueError:
        raise ValueError("a closing quotation mark (a ; or # after a space ends a line, inside quotes too)") from None
    found: dict[str, str] = {}
    cut: list[str] = []
    for start in range(0, len(tokens), 4):
        three = tokens[start : start + 3]
        if len(three) != 3 or three[1] != "=":
            raise ValueError('pairs such as KEY="value",OTHER="value"')
        found[three[0]] = three[2].strip("'\"")
        if tokens[start + 3 : start + 4] not in ([], [","]):
            cut.append(three[0])
    return found, cut


PROGRAM: Mapping[str, tuple[Read, Any]] = {
    "priority": (whole, 999),
    "autostart": (switch, True),
    "autorestart": (restart, "unexpected"),
    "startsecs": (whole, 1),
    "startretries": (whole, 3),
    "stopsignal": (stop_signal, "TERM"),
    "stopwaitsecs": (whole, 10),
    "stopasgroup": (switch, False),
    "killasgroup": (switch, None),
    "exitcodes": (exit_codes, (0,)),
    "redirect_stderr": (switch, False),
    "numprocs": (whole, 1),
    "numprocs_start": (whole, 0),
    "stdout_capture_maxbytes": (size, 0),
    "stdout_events_enabled": (switch, False),
    "stderr_capture_maxbytes": (size, 0),
    "stderr_events_enabled": (switch, False),
    "serverurl": (str, None),
    "user": (str, None),
    "umask": (octal, None),
}
"""Keys of a program that all its processes share: how each is read, and what holds without it."""

PROCESS: Mapping[str, tuple[Read, Any]] = {
    "directory": (str, None),
    "stdout_logfile": (log_file, AUTO),
    "stdout_logfile_backups": (whole, 10),
    "stdout_logfile_maxbytes": (size, 50 * 1024**2),
    "stdout_syslog": (switch, False),
    "stderr_logfile": (log_file, AUTO),
    "stderr_logfile_backups": (whole, 10),
    "stderr_logfile_maxbytes": (size, 50 * 1024**2),
    "stderr_syslog": (switch, False),
}
"""Keys that are read once for each process, with its number."""

DAEMON: Mapping[str, tuple[Read, Any]] = {
    "minfds": (whole, 1024),
    "minprocs": (whole, 200),
    "umask": (octal, 0o22),
    "logfile_maxbytes": (size, 50 * 1024**2),
    "logfile_backups": (whole, 10),
    "loglevel": (level, "info"),
    "nodaemon": (switch, False),
    "silent": (switch, False),
    "nocleanup": (switch, False),
    "strip_ansi": (switch, False),
    "directory": (str, None),
    "user": (str, None),
    "logfile": (str, None),
    "pidfile": (str, None),
    "childlogdir": (str, None),
    "identifier": (str, None),
}
"""Keys of [supervisord] that could keep it from starting."""

_PROGRAM_KEYS = {*PROGRAM, *PROCESS, "command", "process_name", "environment"}
KEYS: Mapping[str, frozenset[str]] = {
    "program": frozenset(_PROGRAM_KEYS),
    "fcgi-program": frozenset({*_PROGRAM_KEYS, "socket", "socket_owner", "socket_mode", "socket_backlog"}),
    "eventlistener": frozenset({*_PROGRAM_KEYS, "buffer_size", "events", "result_handler"}),
    "group": frozenset({"programs", "priority"}),
    "include": frozenset({"files"}),
    "supervisord": frozenset({*DAEMON, "environment"}),
}
"""The keys that supervisord looks at, by kind of section; any other is ignored without a word."""

KINDS = (*KEYS, "supervisorctl", "inet_http_server", "unix_http_server", "rpcinterface", "ctlplugin")
"""Sections that supervisord or supervisorctl looks at: the part before the colon."""
