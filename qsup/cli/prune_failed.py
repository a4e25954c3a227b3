"""`qsup prune-failed`."""

from __future__ import annotations

import json

import click

from qsup.check.problem import counted
from qsup.cli.forget import before, show
from qsup.cli.reach import operators_options, reached


@click.command(name="prune-failed")
@click.option(
    "--hours", type=click.FloatRange(0), metavar="H", required=True, help="Those that failed more than H hours ago."
)
@click.option("--dry-run", is_flag=True, help="Only show what would go, also with --yes.")
@click.option("--yes", is_flag=True, help="Do it. There is no undo.")
@operators_options
def prune_failed(
    hours: float, dry_run: bool, yes: bool, config: str | None, database: str | None, as_json: bool
) -> None:
    """Delete old failed jobs for good, discarded ones too.

    Without --yes it only shows what would go.
    """
    from qsup import failed
    from qsup.operating import begin, now

    with reached(config, database) as conn:
        wanted = failed.Filter(until=before(now(conn), hours), discarded=None)
        if dry_run or not yes:
            show(failed.groups(conn, wanted, by_queue=True), "deleted for good", as_json)
            return
        assert wanted.until is not None  # noqa: S101  set two lines above
        command = begin(conn, "prune-failed", f"all {wanted}", wanted.words)
        gone = failed.delete(conn, command, wanted.until)
    if as_json:
        click.echo(json.dumps({"command": command.id, "deleted": gone}))
        return
    click.echo(f"deleted {counted(gone, 'failed job')} for good")
