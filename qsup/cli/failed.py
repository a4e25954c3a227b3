"""`qsup failed`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from qsup.cli.reach import filter_options, operators_options, reached, since_when

if TYPE_CHECKING:
    from rich.table import Table

    from qsup.failed import Failed, Group

WIDEST = 100
"""Characters of an error in a table; `qsup job ID` has all."""


@click.command()
@filter_options
@click.option("--since", metavar="TIME", help="Only those that failed since then: 2h (ago), 2026-11-21T14:00.")
@click.option("--group", is_flag=True, help="One line for all that failed in the same way: class, exception, place.")
@click.option("--discarded", is_flag=True, help="Those that `forget` or `flush` has discarded, instead of the others.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many lines.")
@operators_options
def failed(
    queue: str | None, job: str | None, fingerprint: str | None, since: str | None, group: bool, discarded: bool,
    limit: int, config: str | None, database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """List the jobs that have failed for good, newest first."""
    from qsup import failed as jobs

    wanted = jobs.Filter(
        queue=queue, job=job, fingerprint=fingerprint, since=since_when(since), discarded=discarded
    )  # fmt: skip
    with reached(config, database) as conn:
        if group:
            found = jobs.groups(conn, wanted, limit + 1)
            _show(found, group_table(found[:limit]), limit, "groups", as_json)
            return
        listed = jobs.newest(conn, wanted, limit + 1)
        _show(listed, job_table(listed[:limit]), limit, "jobs", as_json)


def _show(found: list[Any], table: Table, limit: int, name: str, as_json: bool) -> None:
    from qsup.cli.status_tables import console

    more = len(found) > limit
    if as_json:
        click.echo(json.dumps({name: [asdict(one) for one in found[:limit]], "more": more}, default=str))
        return
    if not found:
        click.echo("no failed jobs")
        return
    console().print(table, soft_wrap=True)
    if more:
        click.echo(f"there are more than these {limit}: --limit, --since or --group")


def job_table(rows: list[Failed]) -> Table:
    """A line for each job."""
    from rich.table import Table

    from qsup.story import moment

    table = Table("id", "failed", "queue", "class", "tries", "crashes", "fingerprint", "why", box=None, pad_edge=False)
    for row in rows:
        numbers = [str(number) for number in (row.attempts, row.crashes)]
        table.add_row(str(row.id), moment(row.failed_at), row.queue, row.job, *numbers, row.fingerprint, why(row))
    return table


def group_table(rows: list[Group]) -> Table:
    """A line for each fingerprint."""
    from rich.table import Table

    from qsup.story import moment

    table = Table("fingerprint", "jobs", "first", "last", "example", "queue", "class", "why", box=None, pad_edge=False)
    for row in rows:
        times = moment(row.first_at), moment(row.last_at)
        table.add_row(
            row.fingerprint, f"{row.jobs:,}", *times, str(row.example), row.queue, row.job, why(row)
        )  # fmt: skip
    return table


def why(row: Failed | Group) -> Any:
    """Exception, message and place, on one line."""
    from rich.text import Text

    from qsup.check.problem import printable

    said = printable(": ".join(part for part in (row.exception, row.message) if part))
    cut = said if len(said) <= WIDEST else f"{said[:WIDEST]}…"
    # Text, not str: a message in [brackets] is no markup.
    return Text(f"{cut} ({printable(row.frame)})" if row.frame else cut)
