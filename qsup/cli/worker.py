"""`qsup worker`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from qsup.cli.options import config_option, database_option, the_routing
from qsup.errors import QsupError, UndeclaredQueue
from qsup.routing import Routing


@click.command()
@click.option("--queue", required=True, help="The queue whose slot this worker fills; it also serves its workers_of.")
@config_option
@database_option
def worker(queue: str, config: str | None, database: str | None) -> None:
    """Run one worker of a queue in the foreground, for supervisord, systemd or Kubernetes.

    TERM lets the running job finish; a second TERM kills it and gives it back uncharged.
    """
    from qsup import solo
    from qsup.rundir import run_directory
    from qsup.solo_child import Identity

    path, routing = the_routing(config)
    _see_that_it_is_served(routing, queue)
    _import_handlers(routing, path.resolve().parent)
    dsn = _prepare(database, path, routing)
    identity = Identity.take(run_directory(path), queue)
    raise SystemExit(solo.serve(routing, dsn, path.resolve(), identity))


def _see_that_it_is_served(routing: Routing, queue: str) -> None:
    if queue not in routing.queues:
        declared = ", ".join(name for name, one in routing.queues.items() if one.workers)
        raise UndeclaredQueue(f"the queue {queue} is not declared", hint=f"Declared with workers: {declared}.")
    if routing.queues[queue].workers == 0:
        server = routing.server(queue)
        hint = f"Its jobs are served by the workers of {server}." if server else "Give it workers in queues.yaml."
        raise QsupError(f"the queue {queue} has no workers of its own", hint=hint)


def _import_handlers(routing: Routing, root: Path) -> None:
    from qsup.check.load import handler_modules
    from qsup.forksafety import NotSafe, import_all

    try:
        import_all(handler_modules(routing), root)
    except NotSafe as error:
        raise QsupError(f"the handlers cannot be used: {error}") from None


def _prepare(database: str | None, path: Path, routing: Routing) -> str:
    from qsup.connect import dsn_for, readable
    from qsup.database import resolve
    from qsup.migrate import migrate

    choice = resolve(database, os.environ, routing.database)
    dsn = dsn_for(choice, path, start=True)
    # A server that is away is waited for; a DSN that is none will not become one.
    readable(dsn, "worker", choice.source)
    if choice.kind == "embedded":
        migrate(dsn)
    return dsn
