"""`qsup forget` and `qsup flush`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qsup.check.problem import counted
from qsup.cli.reach import filter_options, numbers_of, operators_options, reached, some
from qsup.cli.retry import subject
from qsup.errors import ExitCode, QsupError

if TYPE_CHECKING:
    from psycopg import Connection

    from qsup.failed import Group

F = TypeVar("F", bound=Callable[..., Any])

LAST = "last"


def undo_option(function: F) -> F:
    """`--undo [COMMAND]`."""
    return click.option(
        "--undo", is_flag=False, flag_value=LAST, metavar="[COMMAND]",
        help="Bring back what this command (without a number: the last one) has discarded in the last 24 hours.",
    )(function)  # fmt: skip


def yes_option(function: F) -> F:
    """`--yes`."""
    return click.option("--yes", is_flag=True, help="Do it. Without this it is only shown what would go.")(function)


@click.command()
@click.argument("which", nargs=-1, metavar="[ID]…")
@yes_option
@undo_option
@operators_options
def forget(
    which: tuple[str, ...], yes: bool, undo: str | None, config: str | None, database: str | None, as_json: bool
) -> None:
    """Discard failed jobs by their ids; more than one needs --yes.

    They are kept for another 24 hours, in which --undo brings them back.
    """
    ids = numbers_of(which)
    if bool(ids) == bool(undo):
        raise click.UsageError("Give the ids of failed jobs (`qsup failed` lists them), or --undo.")
    with reached(config, database) as conn:
        if undo:
            bring_back(conn, undo, as_json)
        elif len(ids) > 1 and not yes:
            _preview_ids(conn, ids, as_json)
        else:
            _forget(conn, ids, as_json)


@click.command()
@filter_options
@click.option("--hours", type=click.FloatRange(0), metavar="H", help="Only those that failed more than H hours ago.")
@yes_option
@undo_option
@operators_options
def flush(
    queue: str | None, job: str | None, fingerprint: str | None, hours: float | None, yes: bool, undo: str | None,
    config: str | None, database: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Discard all failed jobs that match.

    Without --yes it only shows what would go, by queue and kind of failure. What was discarded is kept for another 24
    hours, in which --undo brings it back.
    """
    from qsup import failed
    from qsup.operating import begin, now

    with reached(config, database) as conn:
        wanted = failed.Filter(queue=queue, job=job, fingerprint=fingerprint, until=before(now(conn), hours))
        if undo:
            bring_back(conn, undo, as_json)
        elif not yes:
            show(failed.groups(conn, wanted, by_queue=True), "discarded", as_json)
        else:
            command = begin(conn, "flush", f"all {wanted}", wanted.words)
            gone = failed.flush(conn, command, wanted)
            _told(command.id, gone, as_json)


def before(now: Any, hours: float | None) -> Any:
    """So many hours before now; a year that PostgreSQL does not know is none at all."""
    try:
        return now - timedelta(hours=hours or 0)
    except OverflowError:
        raise click.BadParameter("expected hours within history", param_hint="--hours") from None


def show(groups: Sequence[Group], what: str, as_json: bool) -> None:
    """What a command would take, by queue and fingerprint; nothing is changed."""
    from qsup.check.problem import printable

    total = sum(one.jobs for one in groups)
    if as_json:
        shown = [{"queue": one.queue, "fingerprint": one.fingerprint, "job": one.job, "jobs": one.jobs,
                  "exception": one.exception, "example": one.example} for one in groups]  # fmt: skip
        click.echo(json.dumps({"would": total, "groups": shown, "changed": False}))
        return
    for one in groups:
        what_for = printable(one.exception or one.symptom or one.message)[:60]
        click.echo(f"{one.jobs:>8,}  {one.queue}  {one.job}  {one.fingerprint}  {what_for}")
    click.echo(f"{counted(total, 'failed job')} would be {what}; nothing is changed" + (": add --yes" if total else ""))


def bring_back(conn: Connection[Any], undo: str, as_json: bool) -> None:
    """Undo a command, or the last one. Raises QsupError when there is nothing of it."""
    from qsup import failed
    from qsup.operating import begin

    number = failed.last_discard(conn) if undo == LAST else numbers_of([undo])[0]
    if number is None:
        raise QsupError("nothing is discarded", hint="What was discarded more than 24 hours ago is deleted for good.")
    command = begin(conn, "undo", f"command {number}", {"command": number})
    back = failed.bring_back(conn, command, number)
    if not back:
        raise QsupError(
            f"nothing that command {number} has discarded is there any more",
            hint="`qsup failed --discarded` shows what can be brought back, and the command that discarded it.",
        )
    if as_json:
        click.echo(json.dumps({"command": command.id, "undone": number, "brought_back": back}))
        return
    click.echo(f"brought back {counted(len(back), 'failed job')} that command {number} had discarded")


def _preview_ids(conn: Connection[Any], ids: list[int], as_json: bool) -> None:
    from qsup import failed

    show(failed.groups_of(conn, ids), "discarded", as_json)


def _forget(conn: Connection[Any], ids: list[int], as_json: bool) -> None:
    from qsup import failed
    from qsup.operating import begin

    with conn.transaction():
        command = begin(conn, "forget", subject(ids), {"ids": ids})
        gone = failed.discard(conn, command, ids)
        command.result(f"discarded {len(gone)}")
    missing = [one for one in ids if one not in gone]
    _told(command.id, len(gone), as_json, missing)
    if missing and not as_json:
        click.echo(f"not {some(missing)}: no failed job has this id, or it is discarded already", err=True)
    raise SystemExit(int(ExitCode.ERROR if missing else ExitCode.OK))


def _told(command: int, gone: int, as_json: bool, missing: Sequence[int] = ()) -> None:
    if as_json:
        click.echo(json.dumps({"command": command, "discarded": gone, "missing": list(missing), "changed": gone > 0}))
        return
    undo = f"; for 24 hours `qsup flush --undo {command}` brings them back" if gone else ""
    click.echo(f"discarded {counted(gone, 'failed job')}{undo}")
