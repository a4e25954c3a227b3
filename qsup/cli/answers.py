"""What operators' commands have in common: how long they wait, and how they tell who has answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qsup.errors import ExitCode
from qsup.units import duration, written

if TYPE_CHECKING:
    from qsup.orderbook import Answer
    from qsup.ordering import Given

F = TypeVar("F", bound=Callable[..., Any])
QUICK, PATIENT = 10.0, 600.0
"""Seconds for an answer; for an end that a job may have to be waited for."""


def timeout_option(function: F) -> F:
    """`--timeout TIME`."""
    return click.option(
        "--timeout", metavar="TIME", help="How long to wait: 90, 5m, 1h30m. Default: 10s, with --wait 10m."
    )(function)


def seconds(timeout: str | None, *, wait: bool = False) -> float:
    """What --timeout says."""
    if timeout is None:
        return PATIENT if wait else QUICK
    try:
        return duration(timeout)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None


def tell(given: Given, sentence: str, late: list[Answer], limit: float, *, as_json: bool) -> ExitCode:
    """Print the command and everybody's answer; the exit code."""
    if as_json:
        click.echo(json.dumps(given.to_dict()))
    else:
        click.echo(f"{sentence} (command {given.id})")
        for line in lines(given, late, limit):
            click.echo(f"  {line}")
    if late:
        return ExitCode.TIMED_OUT
    return ExitCode.ERROR if given.refused else ExitCode.OK


def lines(given: Given, late: list[Answer], limit: float) -> Iterator[str]:
    """One for each who was asked."""
    for one in given.answers:
        name = f"{one.host or 'a supervisor that has left'}{f', pid {one.pid}' if one.pid else ''}"
        detail = f": {one.detail}" if one.detail else ""
        if one in late and one.state == "asked":
            yield f"{name}: no answer in {written(limit)}, last seen {one.silent_s or 0:.0f} s ago; it may still come"
        elif one in late:
            yield f"{name}: not finished in {written(limit)}{detail}; it goes on"
        elif one.silent_s is None:
            yield f"{name}: {one.state}"
        else:
            yield f"{name}: {one.state}{detail}"
