"""`qsup why ID`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from qsup.cli.options import reach
from qsup.cli.reach import numbers_of, operators_options
from qsup.errors import DatabaseUnavailable, ExitCode

if TYPE_CHECKING:
    from qsup.why.facts import Verdict


@click.command()
@click.argument("number", metavar="ID")
@operators_options
def why(number: str, config: str | None, database: str | None, as_json: bool) -> None:
    """Say in one sentence why a job is not running, with the proof, and what to do next.

    It asks the conditions of the claim itself. What else stops the job follows as `besides`. Exit 1: nothing of such a
    job is stored; 75: PostgreSQL does not answer.
    """
    from qsup.why.show import as_json as to_json
    from qsup.why.show import lines

    [wanted] = numbers_of([number])
    verdict, code = _verdict(wanted, config, database)
    if as_json:
        click.echo(json.dumps(to_json(verdict)))
    else:
        for line in lines(verdict):
            click.echo(line)
    raise SystemExit(int(code))


def _verdict(wanted: int, config: str | None, database: str | None) -> tuple[Verdict, ExitCode]:
    from qsup.why.ask import ask, reading
    from qsup.why.here import known_here, look, running_here
    from qsup.why.judge import judge, unreachable

    here = look(config)
    try:
        with reading(reach(config, database)) as conn:
            facts = known_here(ask(conn, wanted), here)
    except DatabaseUnavailable as error:
        return unreachable(wanted, error.message, error.hint, running_here(wanted, here)), ExitCode.UNAVAILABLE
    verdict = judge(facts)
    return verdict, ExitCode.ERROR if verdict.state == "unknown" else ExitCode.OK
