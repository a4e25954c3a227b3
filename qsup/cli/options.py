"""The options that every command shares, and how a command finds its file and its database.

What reads the file is imported when it is read: that takes 0.1 s, and many commands need only the place of the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from qsup.errors import ConfigUnreadable
from qsup.locate import find
from qsup.routing import Routing

F = TypeVar("F", bound=Callable[..., Any])
NAMES_DATABASE = re.compile(r"^\W*database(_file)?\W*:", re.MULTILINE)


def config_option(function: F) -> F:
    """`--config FILE`."""
    return click.option(
        "-c",
        "--config",
        metavar="FILE",
        help="queues.yaml to use instead of the first one found.",
        envvar="QSUP_CONFIG",
    )(function)


def database_option(function: F) -> F:
    """`--database DSN`. A DSN with a password is better given in QSUP_DATABASE_URL: `ps` shows arguments."""
    return click.option(
        "--database", metavar="DSN", help="PostgreSQL to use; before QSUP_DATABASE_URL, the file and DATABASE_URL."
    )(function)


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(function)


def the_file(config: str | None) -> Path:
    """The queues.yaml to use. Raises ConfigUnreadable."""
    return find(config, os.environ, Path.cwd())


def the_routing(config: str | None) -> tuple[Path, Routing]:
    """The file and what it says. Raises ConfigUnreadable with every problem."""
    from qsup.check.load import load_or_raise

    path = the_file(config)
    return path, load_or_raise(path, os.environ)


def the_dsn(database: str | None, path: Path, in_file: str | None, *, start: bool) -> str:
    """The DSN of the chosen database; the embedded one is started if `start`. Raises QsupError."""
    from qsup.connect import dsn_for
    from qsup.database import resolve

    return dsn_for(resolve(database, os.environ, in_file), path, start)


def reach(config: str | None, database: str | None, *, start: bool = False) -> str:
    """The DSN for a command that needs the database and not the file. Raises QsupError.

    It also works where there is no queues.yaml, and with one that is broken at the moment, as long as that cannot be
    what names the database. The embedded one is started if `start`.
    """
    from qsup.database import resolve

    try:
        path = the_file(config)
    except ConfigUnreadable:
        choice = resolve(database, os.environ, None)
        if config is not None or choice.kind == "embedded":
            raise
        return choice.dsn
    named = database or os.environ.get("QSUP_DATABASE_URL")
    return the_dsn(database, path, None if named else _named_in(path), start=start)


def _named_in(path: Path) -> str | None:
    """The database of the file, also of one that is wrong elsewhere. Raises ConfigUnreadable if it could mean any."""
    from qsup.check.load import load, load_or_raise

    parsed = load(path, os.environ).parsed
    if parsed is not None and parsed.routing.database:
        return parsed.routing.database
    if NAMES_DATABASE.search(path.read_text(errors="replace")):
        return load_or_raise(path, os.environ).database
    return None
