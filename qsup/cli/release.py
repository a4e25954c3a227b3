"""`qsup release`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from qsup.cli.answers import seconds, tell, timeout_option
from qsup.cli.options import config_option, database_option, json_option, reach
from qsup.errors import ExitCode, NotRunning

if TYPE_CHECKING:
    from qsup.orderbook import Found
    from qsup.ordering import Conn


@click.command()
@click.argument("job", type=click.IntRange(1), metavar="ID")
@click.option("--force", is_flag=True, help="Also while a worker of a silent supervisor may still be running it.")
@timeout_option
@config_option
@database_option
@json_option
def release(
    job: int, force: bool, timeout: str | None, config: str | None, database: str | None, as_json: bool
) -> None:
    """Make job ID ready now: one that waits for its time, or one that runs, which is killed and not charged a try.

    A job whose supervisor has been silent for 30 s is given back by the database alone, when its lease is over; before
    that --force is needed, for it may then run twice at the same time. Exit 1: that run had ended before.
    """
    from qsup import ordering

    limit = seconds(timeout)
    with ordering.desk(reach(config, database), "release") as conn:
        found = ordering.see_job(conn, job)
        arguments = {"job": job, "step": found.step, "queue": found.queue, "claim": found.claim}
        here = found.state != "running" or ordering.is_silent(found)
        if here and found.state == "running":
            _see_that_it_may_be(job, found, force=force)
        asked = [] if here else [found.supervisor]
        with conn.transaction():
            command = ordering.give(conn, "release", str(job), arguments, asked)
            if here:
                _carry_out(conn, command, job, found)
        first = ordering.look(conn, command, "release", str(job))
        given = ordering.follow(conn, first, lambda now: now.closed, limit)
    sentence = f"job {job}: {given.result}" if given.closed else f"job {job} still runs"
    code = tell(given, sentence, [] if given.closed else given.unfinished, limit, as_json=as_json)
    if not given.closed:
        code = ExitCode.TIMED_OUT
    elif "ended before" in given.result:
        code = ExitCode.ERROR
    raise SystemExit(int(code))


def _see_that_it_may_be(job: int, found: Found, *, force: bool) -> None:
    lease = found.lease_s or 0.0
    if lease > 0 and not force:
        silent = "is gone" if found.silent_s is None else f"has been silent for {found.silent_s:.0f} s"
        raise NotRunning(
            f"job {job} runs in {found.slot}; its supervisor {silent}, its lease ends in {lease:.0f} s",
            hint="It is taken over then. --force gives it back now: if that worker still runs, the job runs twice.",
        )


def _carry_out(conn: Conn, command: int, job: int, found: Found) -> None:
    """Without anybody's help."""
    from qsup import orderbook, store
    from qsup.operating import who

    reason = f"released by {who(os.environ)} (command {command})"
    match found.state:
        case "ready":
            result = "it is ready already"
        case "scheduled":
            moved = orderbook.release_scheduled(conn, job, reason)
            result = "released, it need not wait for its time" if moved else "it has become ready by itself"
        case _:
            released = store.release(conn, [((job, found.claim), reason)])
            result = "released" if released else "its run had ended before"
    orderbook.close(conn, command, result)
