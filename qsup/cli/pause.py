"""`qsup pause` and `qsup resume`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from qsup.cli.answers import seconds, tell, timeout_option
from qsup.cli.options import config_option, database_option, json_option, reach
from qsup.errors import ExitCode

if TYPE_CHECKING:
    from qsup.ordering import Conn, Given


@click.command()
@click.argument("queue")
@click.option("--wait", is_flag=True, help="Return when nothing of the queue is running any more.")
@timeout_option
@config_option
@database_option
@json_option
def pause(queue: str, wait: bool, timeout: str | None, config: str | None, database: str | None, as_json: bool) -> None:
    """Claim nothing more from QUEUE, on any host, until `qsup resume`; running jobs finish.

    The pause is in the database: it outlives restarts and holds for workers that are started later. Dispatching goes
    on, with a warning. Exit 124: not everybody has answered, or with --wait something still runs.
    """
    from qsup import orderbook, ordering

    limit = seconds(timeout, wait=wait)
    end = time.monotonic() + limit
    with ordering.desk(reach(config, database), "pause") as conn:
        ordering.see_queue(conn, queue)
        given = _give(conn, "pause", queue, limit)
        empty = not wait or ordering.wait(
            conn, lambda: orderbook.running_of(conn, queue) == 0, max(0.0, end - time.monotonic())
        )
        running = orderbook.running_of(conn, queue)
    rest = f"{running} still running" if running else "nothing of it runs"
    code = tell(given, f"{queue} is paused; {rest}{_nobody(given)}", given.pending, limit, as_json=as_json)
    raise SystemExit(int(code if empty else ExitCode.TIMED_OUT))


@click.command()
@click.argument("queue")
@timeout_option
@config_option
@database_option
@json_option
def resume(queue: str, timeout: str | None, config: str | None, database: str | None, as_json: bool) -> None:
    """Claim from QUEUE again. Exit 124: not everybody has answered."""
    from qsup import ordering

    limit = seconds(timeout)
    with ordering.desk(reach(config, database), "resume") as conn:
        ordering.see_queue(conn, queue)
        given = _give(conn, "resume", queue, limit)
    code = tell(given, f"{queue} is served again{_nobody(given)}", given.pending, limit, as_json=as_json)
    raise SystemExit(int(code))


def _give(conn: Conn, verb: str, queue: str, limit: float) -> Given:
    from qsup import orderbook, ordering
    from qsup.operating import who

    def effect() -> None:
        if verb == "pause":
            orderbook.pause(conn, queue, who(os.environ))
        else:
            orderbook.resume(conn, queue)

    asked = [one.id for one in orderbook.concerned(conn, queue)]
    command = ordering.give(conn, verb, queue, {}, asked, effect)
    first = ordering.look(conn, command, verb, queue)
    return ordering.follow(conn, first, lambda now: not now.pending, limit)


def _nobody(given: Given) -> str:
    return "" if given.answers else "; no supervisor hears it at the moment, it holds for those that start"
