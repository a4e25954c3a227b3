"""`qsup restart`."""

from __future__ import annotations

import click

from qsup.cli.answers import seconds, tell, timeout_option
from qsup.cli.options import config_option, database_option, json_option, reach
from qsup.errors import NotRunning


@click.command()
@click.argument("queue", required=False)
@click.option("--wait", is_flag=True, help="Return when every worker has been replaced.")
@timeout_option
@config_option
@database_option
@json_option
def restart(
    queue: str | None, wait: bool, timeout: str | None, config: str | None, database: str | None, as_json: bool
) -> None:
    """Replace the workers of QUEUE, or of all queues, after their job and a few at a time.

    A worker that was started after the command is left alone. `qsup worker` starts again in place. Exit 3: nobody is
    there to do it; 124: not everybody has answered (with --wait: finished) in time, the others go on.
    """
    from qsup import orderbook, ordering

    limit = seconds(timeout, wait=wait)
    with ordering.desk(reach(config, database), "restart") as conn:
        if queue is not None:
            ordering.see_queue(conn, queue)
        asked = orderbook.concerned(conn, queue)
        if not asked:
            raise NotRunning(f"no live supervisor serves {queue or 'any queue'}", hint="Start one with `qsup run`.")
        command = ordering.give(conn, "restart", queue or "", {}, [one.id for one in asked])
        first = ordering.look(conn, command, "restart", queue or "")
        given = ordering.follow(conn, first, lambda now: not (now.unfinished if wait else now.pending), limit)
    late = given.unfinished if wait else given.pending
    done = "have been replaced" if wait and not late and not given.refused else "are being replaced"
    what = f"the workers of {queue}" if queue else "all workers"
    raise SystemExit(int(tell(given, f"{what} {done}", late, limit, as_json=as_json)))
