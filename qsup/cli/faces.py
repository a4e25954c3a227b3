"""What `qsup validate` prints: text for people, JSON, a GitHub workflow's annotations, or SARIF."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from qsup import pages
from qsup.check.findings import Findings
from qsup.check.problem import counted
from qsup.generate.github import workflow_lines
from qsup.generate.sarif import sarif
from qsup.routing import Routing

F = TypeVar("F", bound=Callable[..., Any])
COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
FORMATS = ("text", "json", "github", "sarif")


def format_option(function: F) -> F:
    """`--format`; `--json` is one of them."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="text",
        help="json as --json; github: annotations of a workflow; sarif: for code scanning services.",
    )(function)


def chosen(form: str, *, as_json: bool) -> str:
    """The format that `--format` and `--json` ask for together. Raises click.UsageError when they differ."""
    if as_json and form not in ("text", "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other.")
    return "json" if as_json else form


def show(
    findings: Findings, form: str, file: Path, routing: Routing | None, looked_at: Sequence[str] | None = None
) -> None:
    """Print everything in the chosen format. `file` is queues.yaml, `routing` what it says; None when it is wrong.

    `looked_at` is what the last line says instead of the routing's numbers, where there is no queues.yaml.
    """
    last = summary(findings, file, routing, looked_at)
    match form:
        case "json":
            click.echo(json.dumps(findings.to_dict()))
        case "sarif":
            click.echo(json.dumps(sarif(findings, str(file), pages.page), indent=1))
        case "github":
            for line in workflow_lines(findings):
                click.echo(line)
            click.echo(last)
        case _:
            _as_text(findings, last)


def _as_text(findings: Findings, last: str) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    for problem in findings.problems:
        console.print(str(problem), style=COLOURS[problem.severity])
    for site in findings.unverifiable:
        console.print(str(site), style="dim")
    console.print(last)


def summary(findings: Findings, file: Path, routing: Routing | None, looked_at: Sequence[str] | None = None) -> str:
    """The last line: what was looked at, and how many findings there are."""
    told = f"{counted(findings.count('error'), 'error')}, {counted(findings.count('warning'), 'warning')}"
    if routing is None and looked_at is None:
        return f"{file}: {told}; the code was not read"
    sites = f"{counted(findings.sites, 'dispatch site')} ({len(findings.unverifiable)} not verifiable)"
    return f"{file}: {', '.join([*(looked_at or _numbers(routing)), sites])}: {told}"


def _numbers(routing: Routing | None) -> list[str]:
    queues = routing.queues if routing else {}
    workers = sum(queue.workers for queue in queues.values())
    jobs = len(routing.routes) if routing else 0
    return [counted(len(queues), "queue"), counted(workers, "worker"), counted(jobs, "job")]
