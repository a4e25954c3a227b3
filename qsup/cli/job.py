"""`qsup job ID`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from qsup.cli.options import reach
from qsup.cli.reach import numbers_of, operators_options, reached
from qsup.errors import ExitCode, QsupError

if TYPE_CHECKING:
    from qsup.follow import News


@click.command()
@click.argument("number", metavar="ID")
@click.option("--payload", is_flag=True, help="Print the payload too; it may hold what is nobody's business.")
@click.option(
    "--follow",
    is_flag=True,
    help="Go on until it ends: exit 0 when it is done, 1 when it has failed. With --json an object on each line.",
)
@operators_options
def job(number: str, payload: bool, follow: bool, config: str | None, database: str | None, as_json: bool) -> None:
    """Tell the whole story of one job: where it is and why, its tries and errors, and what was done to it."""
    from qsup.story import as_json as to_json
    from qsup.story import lines, story

    [wanted] = numbers_of([number])
    if follow:
        if payload:
            raise click.UsageError(
                "--follow and --payload exclude each other: what is followed is often shown to others."
            )
        _follow(reach(config, database, start=True), wanted, as_json)
    with reached(config, database) as conn:
        told = story(conn, wanted)
    if not told.known:
        raise _unknown(wanted)
    if as_json:
        click.echo(json.dumps(to_json(told, payload=payload)))
        return
    for line in lines(told, payload=payload):
        click.echo(line)


def _unknown(number: int) -> QsupError:
    return QsupError(
        f"no job {number} is stored",
        hint="A job that is done leaves no row unless its queue says keep:, and no event if nothing went wrong.",
    )


def _follow(dsn: str, number: int, as_json: bool) -> None:
    from qsup.follow import follow, succeeded

    last = None
    for last in follow(dsn, number, lambda sentence: click.echo(f"qsup: {sentence}", err=True)):
        click.echo(json.dumps(_object(last)) if as_json else _line(last))
    if last is None:
        raise _unknown(number)
    raise SystemExit(int(ExitCode.OK if succeeded(last.told) else ExitCode.ERROR))


def _line(news: News) -> str:
    from qsup.story import event_line

    if news.kind == "event":
        return f"  {event_line(news.event)}"
    return f"job {news.told.id}: {_state(news)}: {_detail(news)}"


def _object(news: News) -> dict[str, Any]:
    from qsup.story import plain

    if news.kind == "event":
        return {"job": news.told.id, **plain(news.event)}
    return {"job": news.told.id, "kind": news.kind, "state": _state(news), "detail": _detail(news)}


def _state(news: News) -> str:
    from qsup.follow import succeeded

    return "done" if succeeded(news.told) else news.told.state


def _detail(news: News) -> str:
    from qsup.check.problem import printable
    from qsup.follow import succeeded
    from qsup.story import where

    told = news.told
    if succeeded(told) and told.done is None:
        return "its row is gone, and no failure is stored"
    return where(told) + (f": {printable(told.failed['message'])}" if told.failed and told.failed["message"] else "")
