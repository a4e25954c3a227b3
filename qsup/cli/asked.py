"""What `qsup validate` asks the database: the rows and what is declared (`--db`), and who is alive (`--live`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qsup.check import advice, laravel_rows, listeners, rows
from qsup.check.problem import Problem
from qsup.cli.options import the_dsn
from qsup.config import Parsed
from qsup.errors import QsupError

if TYPE_CHECKING:
    from psycopg import Connection

F = TypeVar("F", bound=Callable[..., Any])

CONNECTIONS = """
    SELECT current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int
        + coalesce(current_setting('reserved_connections', true), '0')::int
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and of which database. `heard`: the queues that workers outside of the file serve too."""

    rows: bool
    live: bool
    database: str | None
    file: Path
    heard: Collection[str] = ()


def database_questions(function: F) -> F:
    """`--db` and `--live`."""
    stored = click.option(
        "--db",
        is_flag=True,
        help="Also compare with the database: what is declared, qsup's jobs, Laravel's jobs, max_connections.",
    )
    alive = click.option(
        "--live", is_flag=True, help="Also ask the database who is alive: queues that no living worker hears."
    )
    return stored(alive(function))


def ask(parsed: Parsed, question: Question) -> tuple[list[Problem], QsupError | None]:
    """The database's findings, or why there are none: what else was found is told first."""
    if not (question.rows or question.live):
        return [], None
    # Imported here: only these questions need the driver.
    from qsup.connect import open_own

    try:
        dsn = the_dsn(question.database, question.file, parsed.routing.database, start=False)
        with open_own(dsn, role="validate") as connection:
            return _findings(parsed, question, connection), None
    except QsupError as error:
        return [], error


def ask_laravel(heard: Collection[str], database: str | None) -> tuple[list[Problem], QsupError | None]:
    """What Laravel's tables hold that nobody hears, where there is no queues.yaml; or why that is not known.

    Raises click.UsageError when nothing names a database: qsup's own has no tables of Laravel's.
    """
    from qsup.connect import open_own
    from qsup.database import resolve

    choice = resolve(database, os.environ, None)
    if choice.kind == "embedded":
        message = "--db needs to be told which database, as there is no queues.yaml: --database, or DATABASE_URL."
        raise click.UsageError(message)
    try:
        with open_own(choice.dsn, role="validate") as connection:
            return laravel_rows.check(None, heard, connection), None
    except QsupError as error:
        return [], error


def _findings(parsed: Parsed, question: Question, connection: Connection[Any]) -> list[Problem]:
    routing, found = parsed.routing, []
    if question.rows:
        most, reserved = rows.read(connection, CONNECTIONS)[0]
        heard = {name for name in routing.queues if routing.server(name)} | set(question.heard)
        found += [*rows.check(routing, connection), *laravel_rows.check(routing, heard, connection)]
        found += advice.connections(parsed, most, reserved)
    if question.live:
        found += listeners.check(routing, connection)
    return found
