"""Small supervisord files, and what is said about them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qsup.check.supervisord.listeners import Connections, Listener
from qsup.check.supervisord.survey import Survey, survey

GOOD: dict[str, object] = {"autorestart": "true", "stopwaitsecs": 3600, "stdout_logfile": "NONE"}
"""Keys of a program about which nothing is to be said, whatever its timeout up to an hour: its lines 3, 4 and 5."""


def program(command: str, name: str = "a", keys: Mapping[str, object] | None = None) -> str:
    """The text of a program in order, but for `keys`: those of `GOOD` in their place, others from line 6 on."""
    lines = [f"{key}={value}\n" for key, value in {"command": command, **GOOD, **(keys or {})}.items()]
    return f"[program:{name}]\n{''.join(lines)}"


def look(
    folder: Path, text: str, connections: Connections | None = None, environ: dict[str, str] | None = None
) -> Survey:
    """Survey one file, queue.conf."""
    file = folder / "queue.conf"
    file.write_text(text, encoding="utf-8")
    return survey([file], environ or {}, connections or Connections(retry_after={"": 3600.0}))


def listeners(folder: Path, command: str) -> tuple[Listener, ...]:
    """What one program with this command listens to."""
    return look(folder, program(command.replace("%", "%%"))).found.listeners


def told(folder: Path, text: str, connections: Connections | None = None) -> list[str]:
    """The problems of a file: `line severity code: message, hint`."""
    found = look(folder, text, connections).problems
    return [
        f"{one.line} {one.severity} {one.code}: {one.message}{f', {one.hint}' if one.hint else ''}" for one in found
    ]
