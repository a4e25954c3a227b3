"""`qsup apply`."""

from __future__ import annotations

import json

import click

from qsup.cli.options import config_option, database_option, json_option, the_dsn, the_routing


@click.command()
@config_option
@database_option
@json_option
def apply(config: str | None, database: str | None, as_json: bool) -> None:
    """Write what queues.yaml declares into the database, without running anything.

    `qsup run` does this itself; this is for projects that run `qsup worker` under another supervisor.
    """
    from qsup import connect, declare
    from qsup.migrate import require

    path, routing = the_routing(config)
    dsn = the_dsn(database, path, routing.database, start=True)
    with connect.open_own(dsn, role="apply") as conn:
        require(conn)
        applied = declare.apply(conn, routing, supervisor="")
    retired = {"retired_queues": list(applied.retired_queues), "retired_jobs": list(applied.retired_types)}
    if as_json:
        click.echo(json.dumps({"queues": list(routing.queues), "jobs": list(routing.routes)} | retired))
        return
    click.echo(f"declared {len(routing.queues)} queues and {len(routing.routes)} job classes of {path}")
    for what, names in retired.items():
        if names:
            click.echo(f"{what.replace('_', ' ')}: {', '.join(names)}; dispatch refuses them, waiting rows are kept")
