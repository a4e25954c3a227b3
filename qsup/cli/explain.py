"""`qsup explain QUEUE`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from qsup.check.load import load, sound
from qsup.check.numbers import Numbers
from qsup.check.numbers import explain as numbers_of
from qsup.check.problem import nearest
from qsup.cli.options import config_option, json_option, the_dsn, the_file
from qsup.errors import QsupError
from qsup.orderbook import QueueOrder
from qsup.report import paused_note
from qsup.routing import Routing
from qsup.survey import survey
from qsup.units import written


@click.command()
@click.argument("queue")
@config_option
@json_option
def explain(queue: str, config: str | None, *, as_json: bool) -> None:
    """Say what the numbers of QUEUE come to, where each was said and what is derived from them."""
    file = the_file(config)
    parsed = sound(load(file, os.environ))
    known = parsed.routing.queues
    if queue not in known:
        hint = nearest(queue, known) or f"it has {', '.join(known)}"
        raise QsupError(f"{file} declares no queue {queue}", hint=hint)
    numbers = numbers_of(parsed, queue)
    order = _ordered(file, parsed.routing, queue)
    if as_json:
        told = None if order is None else asdict(order)
        click.echo(json.dumps(numbers.to_dict() | {"operators": told}))
        return
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    console.print(_settings(numbers))
    for sentence in [*sentences(numbers), *ordered(order, numbers.workers)]:
        console.print(sentence)


def _ordered(file: Path, routing: Routing, queue: str) -> QueueOrder | None:
    """What operators have said of it; None also when the database cannot be asked."""
    try:
        return survey(the_dsn(None, file, routing.database, start=False)).orders.get(queue)
    except QsupError:
        return None


def ordered(order: QueueOrder | None, workers: int) -> Iterator[str]:
    """What operators have commanded, beside what the file says."""
    if order is not None and order.paused_at is not None:
        yield f"It is {paused_note(order.paused_at, order.paused_by)}: nobody claims from it until `qsup resume`."
    if order is not None and order.scale is not None and workers in (order.scaled_from or ()):
        yield f"It is scaled to {order.scale} (file: {workers}), until `qsup scale {order.queue} --reset` or an edit."


def _settings(numbers: Numbers) -> Table:
    purpose = f": {numbers.purpose}" if numbers.purpose else ""
    table = Table(title=f"Queue {numbers.queue}{purpose}", title_justify="left")
    for heading in ("setting", "value", "said by"):
        table.add_column(heading)
    for setting in numbers.settings:
        where = f"{setting.origin}, line {setting.line}" if setting.line else setting.origin
        table.add_row(setting.key, setting.text, where)
    return table


def sentences(numbers: Numbers) -> Iterator[str]:
    """The derived numbers in plain words."""
    yield _served(numbers)
    yield (
        f"A job is asked to end after {written(numbers.soft_end)} (soft end) and its process group is killed after "
        f"{written(numbers.hard_end)} (hard end). Its lease is {written(numbers.lease)}: only then may another host "
        f"take it over."
    )
    yield f"A stopping worker may need {written(numbers.stop_wait)} (stop wait), for the longest job it may have."
    tries = next(setting.value for setting in numbers.settings if setting.key == "tries")
    jitter = next(setting.text for setting in numbers.settings if setting.key == "jitter")
    yield f"{schedule(tries, numbers.waits)} Each wait varies by ±{jitter}."
    if not numbers.jobs:
        yield "No job is routed to it yet."
    for job in numbers.jobs:
        own = f" (its own: {', '.join(job.own)})" if job.own else ""
        hook = f", then {job.failed} when it has failed for good" if job.failed else ""
        yield (
            f"{job.job} runs {job.handler}{hook}{own}: soft end {written(job.soft_end)}, hard end "
            f"{written(job.hard_end)}, lease {written(job.lease)}. {schedule(job.tries, job.waits)}"
        )


def _served(numbers: Numbers) -> str:
    if numbers.served_by is None:
        return "Nobody serves it: a dispatch to it is refused."
    if numbers.served_by != numbers.queue:
        return f"The workers of {numbers.served_by} serve it when their own queue is empty."
    others = [name for name in numbers.serves if name != numbers.queue]
    also = f"; when it is empty they serve {', then '.join(others)}" if others else ""
    return f"{numbers.workers} worker{'' if numbers.workers == 1 else 's'} of its own{also}."


def schedule(tries: int, waits: tuple[float, ...]) -> str:
    """When a job that goes on failing runs."""
    if not waits:
        return "It is tried once; failing is final."
    shown = [written(wait) for wait in waits[:10]]
    more = ", …" if len(waits) > len(shown) else ""
    return f"It is tried {tries} times, with waits of {', '.join(shown)}{more}; then it has failed for good."
