"""`qsup validate`, and `qsup check`, which is the same."""

from __future__ import annotations

import copy
import os
import sys
from pathlib import Path

import click

from qsup.check.cache import Cache, opened
from qsup.check.findings import Findings
from qsup.check.load import load
from qsup.check.php.beside import with_php
from qsup.check.problem import Problem
from qsup.check.scan import Scan, scan
from qsup.check.skim import Skim, cores
from qsup.cli.asked import Question, ask, database_questions
from qsup.cli.explaining import explain_option
from qsup.cli.faces import chosen, format_option, show
from qsup.cli.options import config_option, database_option, json_option, the_file
from qsup.cli.supervised import alone, beside, look, no_file, supervisor_option
from qsup.config import Loaded
from qsup.errors import ExitCode

NOTHING_READ = Scan((), ())


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@config_option
@database_questions
@database_option
@supervisor_option
@json_option
@format_option
@click.option("--strict", is_flag=True, help="Exit 3 when there are warnings but no errors.")
@click.option("--no-cache", is_flag=True, help="Read every file anew, and keep nothing for the next run.")
@explain_option
def validate(
    paths: tuple[Path, ...], config: str | None, supervisor: tuple[Path, ...], *, db: bool, live: bool,
    database: str | None, as_json: bool, form: str, strict: bool, no_cache: bool,
) -> None:  # fmt: skip
    """Check queues.yaml, the code that dispatches jobs, and on demand the database and supervisord files.

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
    read, stored, silent = NOTHING_READ, list[Problem](), None
    if loaded.routing and loaded.parsed:
        heard = found.heard(loaded.parsed).queues
        skim = Skim(Cache() if no_cache else opened(file.parent, os.environ), cores())
        read = scan(loaded.parsed, file.parent, code or None, skim)
        skim.cache.save(whole=not code)
        read = with_php(read, loaded.parsed, file.parent, code or None, heard)
        rows = db or bool(database and not live)
        stored, silent = ask(loaded.parsed, Question(rows=rows, live=live, database=database, file=file, heard=heard))
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


check = copy.copy(validate)
check.name, check.help = "check", "The same as `qsup validate`, with the same options."
