"""Reads a generated file back the way supervisord does: with supervisor's own parser and its own argv splitting."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.datatypes import RestartUnconditionally  # type: ignore[import-untyped]  # supervisor ships no types
from supervisor.options import ServerOptions  # type: ignore[import-untyped]  # the same

ALWAYS = RestartUnconditionally
"""How supervisor spells autorestart=true."""


@dataclass(frozen=True)
class Program:
    """One process as supervisord would run it."""

    name: str
    argv: list[str]
    directory: str | None
    environment: dict[str, str]
    log: str
    settings: dict[str, Any]


def read_back(content: str, folder: Path) -> dict[str, list[Program]]:
    """The processes of each program, in order. Raises ValueError where supervisord would refuse the file."""
    file = folder / "supervisord.conf"
    file.write_text(f"[supervisord]\nlogfile={folder}/supervisord.log\n\n{content}", encoding="utf-8")
    options = ServerOptions()
    options.configfile, options.here = str(file), str(folder)
    options.read_config(str(file))
    assert options.parse_warnings == [], options.parse_warnings
    groups = options.configroot.supervisord.process_group_configs
    return {group.name: [_program(process) for process in group.process_configs] for group in groups}


def _program(process: Any) -> Program:
    return Program(
        name=process.name,
        argv=shlex.split(process.command),
        directory=process.directory,
        environment=dict(process.environment),
        log=process.stdout_logfile,
        settings=vars(process),
    )
