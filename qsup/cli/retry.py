"""`qsup retry`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qsup.check.problem import counted
from qsup.cli.reach import filter_options, numbers_of, operators_options, reached, some
from qsup.errors import ExitCode

if TYPE_CHECKING:
    from qsup.retrying import Answer


@click.command()
@click.argument("which", nargs=-1, required=True, metavar="ID…|all")
@filter_options
@click.option("--to", "target", metavar="QUEUE", help="Put them on this declared queue instead of their own.")
@operators_options
def retry(
    which: tuple[str, ...], queue: str | None, job: str | None, fingerprint: str | None, target: str | None,
    config: str | None, database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run failed jobs again: those with these ids, or all that match.

    Each goes back to its queue under its own id, with its tries counted anew. What cannot be retried stays where it is
    and is named with the reason; then the exit code is 1.
    """
    from qsup.failed import Filter
    from qsup.operating import begin, now
    from qsup.retrying import retry as move
    from qsup.retrying import retry_all

    wanted = Filter(queue=queue, job=job, fingerprint=fingerprint)
    everything = [word.lower() for word in which] == ["all"]
    if not everything and wanted != Filter():
        raise click.UsageError("--queue, --job and --fingerprint go with `all`, not with ids.")
    ids = [] if everything else numbers_of(which)
    with reached(config, database) as conn:
        arguments = {"to": target} if target else {}
        if everything:
            wanted = Filter(queue=queue, job=job, fingerprint=fingerprint, until=now(conn))
            command = begin(conn, "retry", f"all {wanted}", wanted.words | arguments)
            answers = retry_all(conn, command, wanted, target)
        else:
            command = begin(conn, "retry", subject(ids), {"ids": ids} | arguments)
            answers = move(conn, command, ids, target)
    _tell(command.id, answers, as_json)


def subject(ids: Sequence[int]) -> str:
    """`job 7`, `3 jobs: 7 8 9`."""
    return f"job {ids[0]}" if len(ids) == 1 else f"{len(ids)} jobs: {some(list(ids))}"


def _tell(command: int, answers: Sequence[Answer], as_json: bool) -> None:
    moved = [answer for answer in answers if not answer.refused]
    refused = [answer for answer in answers if answer.refused]
    if as_json:
        told = {"retried": [answer.id for answer in moved], "refused": [asdict(answer) for answer in refused]}
        click.echo(json.dumps({"command": command} | told))
    else:
        click.echo(f"retried {counted(len(moved), 'job')} (command {command})")
        reasons = dict.fromkeys(answer.reason for answer in refused)
        for reason in reasons:
            click.echo(f"not {some([answer.id for answer in refused if answer.reason == reason])}: {reason}", err=True)
    raise SystemExit(int(ExitCode.ERROR if refused else ExitCode.OK))
