"""`qsup validate --supervisor FILE`, with a queues.yaml and without any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from qsup.check.findings import Findings, Unclear
from qsup.check.php.horizon import FILE as HORIZON
from qsup.check.problem import Problem, counted
from qsup.check.producers import connections
from qsup.check.scan import shown
from qsup.check.sites import Site
from qsup.check.supervisord.compare import softened
from qsup.check.supervisord.survey import Survey, unclear
from qsup.cli.asked import ask_laravel
from qsup.cli.faces import show
from qsup.cli.looking import without_a_file
from qsup.cli.options import the_file
from qsup.errors import ConfigUnreadable, ExitCode

F = TypeVar("F", bound=Callable[..., Any])


def supervisor_option(function: F) -> F:
    """`--supervisor FILE`, as often as there are files."""
    return click.option(
        "--supervisor",
        metavar="FILE",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Also compare with what the programs of this supervisord file listen to; may be given several times. "
        "Needs no queues.yaml.",
    )(function)


def no_file(config: str | None) -> bool:
    """Whether there is no queues.yaml, and none was asked for."""
    try:
        the_file(config)
    except ConfigUnreadable:
        return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to compare where there is no queues.yaml: programs (without files, Horizon's), code, and perhaps rows."""

    files: Sequence[Path]
    paths: Sequence[Path]
    rows: bool = False
    live: bool = False
    database: str | None = None


def has_horizon(paths: Sequence[Path]) -> bool:
    """Whether the code belongs to an application that says itself what its workers listen to."""
    return connections(paths).horizon is not None


def alone(asked: Asked, form: str, *, strict: bool) -> ExitCode:
    """Compare programs with code, and with rows if wanted; print it, and say how it ended. Raises QsupError.

    Raises click.UsageError for questions that need a queues.yaml or a database's name.
    """
    if asked.live:
        raise click.UsageError("--live asks for the workers of a queues.yaml, and there is none.")
    seen = without_a_file(asked.files, asked.paths)
    stored, silent = list[Problem](), None
    if asked.rows or asked.database:
        stored, silent = ask_laravel(seen.found.heard(None).queues, asked.database)
    rows = [softened(problem, seen.found.found.listeners) for problem in stored]
    hidden = tuple(_unclear(site) for site in seen.read.sites if unclear(site, None))
    findings = Findings(problems=(*seen.problems, *rows), unverifiable=hidden, sites=len(seen.read.sites))
    show(findings, form, (*asked.files, HORIZON)[0], None, _looked_at(seen.found))
    if silent is not None:
        raise silent
    return findings.exit_code(strict=strict)


def _unclear(site: Site) -> Unclear:
    return Unclear(
        path=shown(site.file),
        line=site.line,
        column=site.column,
        job=site.job or None,
        queue=site.queue,
        why=unclear(site, None),
    )


def _looked_at(found: Survey) -> list[str]:
    """For the last line: what there is."""
    listeners = found.found.listeners
    queues = {queue for one in listeners for queue in one.queues}
    processes = sum(one.processes for one in listeners)
    if not found.read.programs and listeners:
        return [f"{counted(len(listeners), 'supervisor')} of Horizon on {counted(len(queues), 'queue')}"]
    return [
        counted(len(found.read.programs), "program"),
        f"{counted(processes, 'worker')} on {counted(len(queues), 'queue')}",
    ]
