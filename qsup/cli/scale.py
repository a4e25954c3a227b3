"""`qsup scale`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from qsup.board import CAPACITY
from qsup.cli.answers import seconds, tell, timeout_option
from qsup.cli.options import config_option, database_option, json_option, reach
from qsup.errors import NotRunning, QsupError

if TYPE_CHECKING:
    from qsup.orderbook import Concerned
    from qsup.ordering import Conn


@click.command()
@click.argument("queue")
@click.argument("workers", required=False, metavar="[N|file]")
@click.option("--reset", is_flag=True, help="As many workers as the file says again; the same as `file`.")
@timeout_option
@config_option
@database_option
@json_option
def scale(
    queue: str, workers: str | None, reset: bool, timeout: str | None, config: str | None, database: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Give QUEUE N workers instead of what queues.yaml says, in every `qsup run` that has workers for it.

    It outlives restarts, and ends with `--reset` or when the file's own number is edited: one file says everything,
    this is for the hour in which you cannot wait for it. Exit 3: nobody is there to do it; 124: not all have answered.
    """
    from qsup import orderbook, ordering

    wanted, limit = _number(workers, reset=reset), seconds(timeout)
    with ordering.desk(reach(config, database), "scale") as conn:
        ordering.see_queue(conn, queue)
        asked = [one for one in orderbook.concerned(conn, queue) if one.slots.get(queue)]
        if wanted is not None:
            _see_that_it_can_be(conn, queue, wanted, asked)
        made_from = sorted({one.slots[queue] for one in asked})
        command = ordering.give(
            conn, "scale", queue, {"workers": wanted, "made_from": made_from}, [one.id for one in asked],
            lambda: orderbook.scale(conn, queue, wanted, made_from),
        )  # fmt: skip
        first = ordering.look(conn, command, "scale", queue)
        given = ordering.follow(conn, first, lambda now: not now.pending, limit)
    said = f" (file: {', '.join(map(str, made_from))})" if made_from else ""
    sentence = f"{queue} has as many workers as its file says{said}" if wanted is None else _scaled(queue, wanted, said)
    raise SystemExit(int(tell(given, sentence, given.pending, limit, as_json=as_json)))


def _scaled(queue: str, wanted: int, said: str) -> str:
    return f"{queue} is scaled to {wanted} worker{'' if wanted == 1 else 's'}{said}"


def _number(workers: str | None, *, reset: bool) -> int | None:
    if (workers is None) == (not reset):
        raise click.UsageError("Give either a number of workers or --reset.")
    if reset or workers == "file":
        return None
    if not str(workers).isdecimal():
        raise click.BadParameter(f"{workers} is neither a number nor `file`", param_hint="N")
    if int(str(workers)) == 0:
        raise click.BadParameter("0 workers would leave its jobs unheard: use `qsup pause` to stop it", param_hint="N")
    return int(str(workers))


def _see_that_it_can_be(conn: Conn, queue: str, wanted: int, asked: list[Concerned]) -> None:
    from qsup import orderbook

    if not asked and orderbook.concerned(conn, queue):
        raise QsupError(
            f"no `qsup run` has workers of its own for {queue}",
            hint="Scale the queue whose workers serve it; the number of `qsup worker` processes is their starter's.",
        )
    if not asked:
        raise NotRunning(f"no live supervisor serves {queue}", hint="Start one with `qsup run`.")
    scales = {name: one.scale for name, one in orderbook.queue_orders(conn).items() if one.scale is not None}
    for one in asked:
        others = {name: workers for name, workers in scales.items() if one.slots.get(name)}
        total = sum({**one.slots, **others, queue: wanted}.values())
        if total > CAPACITY:
            raise QsupError(f"{total} workers in {one.host}, pid {one.pid}, are too many: {CAPACITY} have a place")
