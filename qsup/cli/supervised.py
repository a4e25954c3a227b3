"""`qsup validate --supervisor FILE`, with a queues.yaml and without any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from qsup.check.findings import Findings, Unclear
from qsup.check.problem import counted
from qsup.check.scan import shown
from qsup.check.sites import Site
from qsup.check.supervisord.survey import Survey, unclear
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


def alone(files: Sequence[Path], paths: Sequence[Path], form: str, *, strict: bool) -> ExitCode:
    """Compare the programs of `files` with the code in `paths`, print it, and say how it ended."""
    seen = without_a_file(files, paths)
    hidden = tuple(_unclear(site) for site in seen.read.sites if unclear(site, None))
    findings = Findings(problems=seen.problems, unverifiable=hidden, sites=len(seen.read.sites))
    show(findings, form, files[0], None, _looked_at(seen.found))
    if findings.count("error"):
        return ExitCode.ERROR
    return ExitCode.NOT_RUNNING if strict and findings.count("warning") else ExitCode.OK


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
    return [
        counted(len(found.read.programs), "program"),
        f"{counted(processes, 'worker')} on {counted(len(queues), 'queue')}",
    ]
