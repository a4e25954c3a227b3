"""`qsup job ID`."""

from __future__ import annotations

import json

import click

from qsup.cli.reach import numbers_of, operators_options, reached
from qsup.errors import QsupError


@click.command()
@click.argument("number", metavar="ID")
@click.option("--payload", is_flag=True, help="Print the payload too; it may hold what is nobody's business.")
@operators_options
def job(number: str, payload: bool, config: str | None, database: str | None, as_json: bool) -> None:
    """Tell the whole story of one job: where it is and why, its tries and errors, and what was done to it."""
    from qsup.story import as_json as to_json
    from qsup.story import lines, story

    [wanted] = numbers_of([number])
    with reached(config, database) as conn:
        told = story(conn, wanted)
    if not told.known:
        raise QsupError(
            f"no job {wanted} is stored",
            hint="A job that is done leaves no row unless its queue says keep:, and no event if nothing went wrong.",
        )
    if as_json:
        click.echo(json.dumps(to_json(told, payload=payload)))
        return
    for line in lines(told, payload=payload):
        click.echo(line)
