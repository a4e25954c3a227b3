"""`qsup cancel`."""

from __future__ import annotations

import click

from qsup.cli.answers import seconds, tell, timeout_option
from qsup.cli.options import config_option, database_option, json_option, reach
from qsup.errors import ExitCode


@click.command()
@click.argument("job", type=click.IntRange(1), metavar="ID")
@timeout_option
@config_option
@database_option
@json_option
def cancel(job: int, timeout: str | None, config: str | None, database: str | None, as_json: bool) -> None:
    """Fail job ID now, whether it waits or runs: it is kept among the failed jobs, with the cause `cancelled`.

    A running one is killed with its process group, and no other job with it. Its `failed` hook is run as after any
    failure. Exit 1: it had ended before; 124: it still runs, the command stays open and is carried out when it can be.
    """
    from qsup import ordering

    limit = seconds(timeout)
    with ordering.desk(reach(config, database), "cancel") as conn:
        found = ordering.see_job(conn, job)
        asked = [found.supervisor] if found.supervisor else []
        arguments = {"job": job, "step": found.step, "queue": found.queue}
        command = ordering.give(conn, "cancel", str(job), arguments, asked)
        first = ordering.look(conn, command, "cancel", str(job))
        given = ordering.follow(conn, first, lambda now: now.closed, limit)
    if not given.closed:
        silent = "; its supervisor is silent: it ends with its lease, or by `qsup release --force`"
        late = given.unfinished
        tell(given, f"job {job} still runs{silent if ordering.is_silent(found) else ''}", late, limit, as_json=as_json)
        raise SystemExit(int(ExitCode.TIMED_OUT))
    code = tell(given, f"job {job}: {given.result}", [], limit, as_json=as_json)
    ended = given.result.startswith("cancelled") or found.step == "failed"
    raise SystemExit(int(code if ended else ExitCode.ERROR))
