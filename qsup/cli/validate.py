"""`qsup validate`, and `qsup check`, which is the same."""

from __future__ import annotations

import copy
import os
import sys
from pathlib import Path

import click

from qsup.check import rows
from qsup.check.findings import Findings
from qsup.check.load import load
from qsup.check.php.beside import with_php
from qsup.check.problem import Problem
from qsup.check.scan import Scan, scan
from qsup.cli.explaining import explain_option
from qsup.cli.faces import chosen, format_option, show
from qsup.cli.options import config_option, database_option, json_option, the_dsn, the_file
from qsup.cli.supervised import alone, beside, look, no_file, supervisor_option
from qsup.config import Loaded
from qsup.errors import ExitCode, QsupError
from qsup.routing import Routing

NOTHING_READ = Scan((), ())


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@config_option
@click.option("--db", is_flag=True, help="Also compare with the declared queues and the jobs in the database.")
@database_option
@supervisor_option
@json_option
@format_option
@click.option("--strict", is_flag=True, help="Exit 3 when there are warnings but no errors.")
@explain_option
def validate(
    paths: tuple[Path, ...], config: str | None, supervisor: tuple[Path, ...], *, db: bool, database: str | None,
    as_json: bool, form: str, strict: bool,
) -> None:  # fmt: skip
    """Check queues.yaml, the code that dispatches jobs, and with --db what is in the database.

    PATHS, Python and PHP, are read for dispatching code in place of the file's `code:`; a path that ends in .yaml is
    the file to check.
    Nothing is imported or run. Exit 0: no errors; 1: errors in the code or the database; 3: only warnings, with
    --strict; 78: queues.yaml itself is wrong.
    """
    form = chosen(form, as_json=as_json)
    named = [path for path in paths if path.suffix in (".yaml", ".yml")]
    if supervisor and not named and no_file(config):
        sys.exit(alone(supervisor, paths, form, strict=strict))
    file = the_file(str(named[-1]) if named else config)
    loaded = load(file, os.environ)
    code = [path for path in paths if path not in named]
    found = look(supervisor, code)
    read = NOTHING_READ
    if loaded.routing and loaded.parsed:
        read = scan(loaded.parsed, file.parent, code or None)
        read = with_php(read, loaded.parsed, file.parent, code or None, found.heard(loaded.parsed).queues)
    stored, silent = _stored(loaded.routing, file, database) if loaded.routing and (db or database) else ([], None)
    problems = (*loaded.problems, *(beside(found, loaded, read) if supervisor else read.problems), *stored)
    findings = Findings(problems=problems, unverifiable=read.unclear(), sites=len(read.sites))
    show(findings, form, file, loaded.routing)
    if silent is not None:
        raise silent
    sys.exit(exit_code(loaded, findings, strict=strict))


def exit_code(loaded: Loaded, findings: Findings, *, strict: bool) -> ExitCode:
    """What the findings come to for who asked."""
    if loaded.routing is None:
        return ExitCode.BAD_CONFIG
    if findings.count("error"):
        return ExitCode.ERROR
    return ExitCode.NOT_RUNNING if strict and findings.count("warning") else ExitCode.OK


def _stored(routing: Routing, file: Path, database: str | None) -> tuple[list[Problem], QsupError | None]:
    """The database's findings, or why there are none: what else was found is told first."""
    # Imported here: only --db needs the driver.
    from qsup.connect import open_own

    try:
        dsn = the_dsn(database, file, routing.database, start=False)
        with open_own(dsn, role="validate") as connection:
            return rows.check(routing, connection), None
    except QsupError as error:
        return [], error


check = copy.copy(validate)
check.name, check.help = "check", "The same as `qsup validate`, with the same options."
