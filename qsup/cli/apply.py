"""`qsup apply`."""

from __future__ import annotations

import json
import os

import click

from qsup.check.load import load, sound
from qsup.check.stranding import findings
from qsup.cli.options import config_option, database_option, json_option, the_dsn, the_file


@click.command()
@config_option
@database_option
@json_option
def apply(config: str | None, database: str | None, as_json: bool) -> None:
    """Write what queues.yaml declares into the database, without running anything.

    `qsup run` does this itself; this is for projects that run `qsup worker` under another supervisor. Dispatching code
    and waiting rows that the file leaves unheard are named on the standard error, and `qsup plan` names them before.
    """
    from qsup import connect, declare
    from qsup.migrate import require

    path = the_file(config)
    loaded = load(path, os.environ)
    routing = sound(loaded).routing
    dsn = the_dsn(database, path, routing.database, start=True)
    with connect.open_own(dsn, role="apply") as conn:
        require(conn)
        unheard = [str(found) for found in findings(loaded, path.absolute().parent, dsn)]
        applied = declare.apply(conn, routing, supervisor="")
    retired = {"retired_queues": list(applied.retired_queues), "retired_jobs": list(applied.retired_types)}
    if as_json:
        told = {"queues": list(routing.queues), "jobs": list(routing.routes)} | retired
        click.echo(json.dumps(told | {"unheard": unheard}))
        return
    click.echo(f"declared {len(routing.queues)} queues and {len(routing.routes)} job classes of {path}")
    for what, names in retired.items():
        if names:
            click.echo(f"{what.replace('_', ' ')}: {', '.join(names)}; dispatch refuses them, waiting rows are kept")
    for line in unheard:
        click.echo(f"unheard: {line}", err=True)
