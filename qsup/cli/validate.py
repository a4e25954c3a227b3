"""`qsup validate`."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from qsup.check import rows
from qsup.check.load import load
from qsup.check.php.beside import served, with_php
from qsup.check.problem import Problem
from qsup.check.scan import Scan, scan, shown
from qsup.cli.options import config_option, database_option, json_option, the_dsn, the_file
from qsup.config import Loaded
from qsup.errors import ExitCode, QsupError
from qsup.routing import Routing

COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
NOTHING_READ = Scan((), ())


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that was found, and the exit code that follows."""

    loaded: Loaded
    scan: Scan
    problems: tuple[Problem, ...]

    def exit_code(self, *, strict: bool) -> ExitCode:
        if self.loaded.routing is None:
            return ExitCode.BAD_CONFIG
        severities = {problem.severity for problem in self.problems}
        if "error" in severities:
            return ExitCode.ERROR
        return ExitCode.NOT_RUNNING if strict and "warning" in severities else ExitCode.OK


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@config_option
@click.option("--db", is_flag=True, help="Also compare with the declared queues and the jobs in the database.")
@database_option
@json_option
@click.option("--strict", is_flag=True, help="Exit 3 when there are warnings but no errors.")
def validate(
    paths: tuple[Path, ...], config: str | None, *, db: bool, database: str | None, as_json: bool, strict: bool
) -> None:
    """Check queues.yaml, the code that dispatches jobs, and with --db what is in the database.

    PATHS, Python and PHP, are read for dispatching code in place of the file's `code:`; a path that ends in .yaml is
    the file to check.
    Nothing is imported or run. Exit 0: no errors; 1: errors in the code or the database; 3: only warnings, with
    --strict; 78: queues.yaml itself is wrong.
    """
    named = [path for path in paths if path.suffix in (".yaml", ".yml")]
    file = the_file(str(named[-1]) if named else config)
    loaded = load(file, os.environ)
    code = [path for path in paths if path not in named]
    read = NOTHING_READ
    if loaded.routing and loaded.parsed:
        read = scan(loaded.parsed, file.parent, code or None)
        read = with_php(read, loaded.parsed, file.parent, code or None, served(loaded.parsed))
    stored, silent = _stored(loaded.routing, file, database) if loaded.routing and (db or database) else ([], None)
    verdict = Verdict(loaded, read, (*loaded.problems, *read.problems, *stored))
    click.echo(json.dumps(_as_json(verdict))) if as_json else _show(verdict, file)
    if silent is not None:
        raise silent
    sys.exit(verdict.exit_code(strict=strict))


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


def _as_json(verdict: Verdict) -> dict[str, Any]:
    unverifiable = [
        {
            "path": shown(site.file),
            "line": site.line,
            "column": site.column,
            "job": site.job or None,
            "queue": site.queue,
            "why": site.why,
        }
        for site in verdict.scan.unverifiable()
    ]
    problems = [problem.to_dict() for problem in verdict.problems]
    return {"problems": problems, "unverifiable": unverifiable, "sites": len(verdict.scan.sites)}


def _show(verdict: Verdict, file: Path) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    for problem in verdict.problems:
        console.print(str(problem), style=COLOURS[problem.severity])
    for site in verdict.scan.unverifiable():
        console.print(f"{shown(site.file)}:{site.line}:{site.column}: not verifiable: {site.why}", style="dim")
    console.print(_summary(verdict, file))


def _summary(verdict: Verdict, file: Path) -> str:
    routing = verdict.loaded.routing
    counts = Counter(problem.severity for problem in verdict.problems)
    findings = f"{_count(counts['error'], 'error')}, {_count(counts['warning'], 'warning')}"
    if routing is None:
        return f"{file}: {findings}; the code was not read"
    workers = sum(queue.workers for queue in routing.queues.values())
    parts = [
        _count(len(routing.queues), "queue"),
        _count(workers, "worker"),
        _count(len(routing.routes), "job"),
        f"{_count(len(verdict.scan.sites), 'dispatch site')} ({len(verdict.scan.unverifiable())} not verifiable)",
    ]
    return f"{file}: {', '.join(parts)}: {findings}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
