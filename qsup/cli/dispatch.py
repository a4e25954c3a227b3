"""`qsup dispatch`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from pydantic_core import from_json

from qsup.cli.options import config_option, database_option, json_option, the_dsn, the_routing
from qsup.errors import InvalidPayload
from qsup.units import duration

BATCH = 1000


@click.command()
@click.argument("name")
@click.argument("payload", required=False)
@click.option("-f", "--file", "file", metavar="FILE", help="Read the payload from FILE (- is standard input).")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="Dispatch it so many times.")
@click.option("--delay", metavar="TIME", help="Not before this time has passed: 90, 5m, 1h30m.")
@click.option("--queue", help="Another declared queue than the one of the job class.")
@click.option("--unique", metavar="KEY", help="Not if a job of this class with this key is waiting or running.")
@config_option
@database_option
@json_option
def dispatch(
    name: str, payload: str | None, file: str | None, count: int, delay: str | None, queue: str | None,
    unique: str | None, config: str | None, database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Put a job of class NAME with a JSON PAYLOAD on its queue, and print its id."""
    from qsup import connect, dispatching
    from qsup import payload as payloads

    text = _payload(payload, file)
    path, routing = the_routing(config)
    if name in routing.routes and (why := payloads.check(routing.routes[name], text, path.resolve().parent)):
        click.echo(f"the payload is not checked here: {why}", err=True)
    options: dict[str, Any] = {"queue": queue, "delay": _delay(delay)}
    if unique is not None and count > 1:
        raise click.UsageError("--unique and --count exclude each other: the second one would be the first one.")
    dsn = the_dsn(database, path, routing.database, start=True)
    with connect.open_own(dsn, role="dispatch") as conn:
        if count == 1:
            ids = [dispatching.dispatch_one(conn, name, text, unique=unique, **options)]
        else:
            sizes = [min(BATCH, count - begun) for begun in range(0, count, BATCH)]
            with conn.transaction():
                ids = [n for size in sizes for n in dispatching.dispatch_raw(conn, name, [text] * size, **options)]
    _report(name, ids, as_json)


def _payload(payload: str | None, file: str | None) -> str:
    if (payload is None) == (file is None):
        raise click.UsageError("Give the payload either as an argument (a JSON object, {} for none) or with -f FILE.")
    try:
        text = payload if payload is not None else _read(str(file))
        # The reader that the worker has: what it cannot read (too deep, too many digits) would only fail there.
        from_json(text.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidPayload(f"cannot read {file}: {error}") from None
    except ValueError as error:
        raise InvalidPayload(f"the payload is not JSON: {error}", hint="Write for example '{\"id\": 7}'.") from None
    return text


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")


def _delay(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--delay") from None


def _report(name: str, ids: list[int], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"job": name, "ids": ids}))
    elif len(ids) == 1:
        click.echo(f"{name} {ids[0]}")
    else:
        click.echo(f"{len(ids)} x {name}: {ids[0]} to {ids[-1]}")
