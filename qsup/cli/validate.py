"""`qsup validate`, and `qsup check`, which is the same."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import click

from qsup.check.findings import Findings
from qsup.check.problem import Problem
from qsup.cli.asked import Question, ask, database_questions
from qsup.cli.explaining import explain_option
from qsup.cli.faces import chosen, format_option, show
from qsup.cli.looking import Look, beside_a_file
from qsup.cli.options import config_option, database_option, json_option, the_file
from qsup.cli.supervised import Asked, alone, has_horizon, no_file, supervisor_option
from qsup.errors import ExitCode


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@config_option
@database_questions
@database_option
@supervisor_option
@json_option
@format_option
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--no-cache", is_flag=True, help="Read every file anew, and keep nothing for the next run.")
@explain_option
def validate(
    paths: tuple[Path, ...], config: str | None, supervisor: tuple[Path, ...], *, db: bool, live: bool,
    database: str | None, as_json: bool, form: str, strict: bool, no_cache: bool,
) -> None:  # fmt: skip
    """Check queues.yaml, the code that dispatches jobs, and on demand the database and supervisord files.

    PATHS, Python and PHP, are read for dispatching code in place of the file's `code:`; a path that ends in .yaml is
    the file to check.
    Nothing is imported or run. Exit 0: no errors; 1: errors in the code or the database, with --strict warnings too;
    78: queues.yaml itself is wrong.
    """
    form = chosen(form, as_json=as_json)
    named = [path for path in paths if path.suffix in (".yaml", ".yml")]
    if not named and no_file(config) and (supervisor or has_horizon(paths)):
        asked = Asked(files=supervisor, paths=paths, rows=db, live=live, database=database)
        sys.exit(alone(asked, form, strict=strict))
    file = the_file(str(named[-1]) if named else config)
    seen = beside_a_file(file, [path for path in paths if path not in named], supervisor, cached=not no_cache)
    stored, silent = list[Problem](), None
    if seen.sound:
        rows = db or bool(database and not live)
        question = Question(rows=rows, live=live, database=database, file=file, heard=seen.heard)
        stored, silent = ask(seen.sound, question)
    problems = (*seen.problems, *stored)
    findings = Findings(problems=problems, unverifiable=seen.read.unclear(), sites=len(seen.read.sites))
    show(findings, form, file, seen.sound.routing if seen.sound else None)
    if silent is not None:
        raise silent
    sys.exit(exit_code(seen, findings, strict=strict))


def exit_code(seen: Look, findings: Findings, *, strict: bool) -> ExitCode:
    """What the findings come to for who asked."""
    if seen.sound is None:
        return ExitCode.BAD_CONFIG
    return findings.exit_code(strict=strict)


check = copy.copy(validate)
check.name, check.help = "check", "The same as `qsup validate`, with the same options."
