"""`qsup gen-supervisor`: the supervisord file of queues.yaml, written, printed or compared."""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from pathlib import Path

import click

from qsup.cli.options import config_option, the_routing
from qsup.errors import ExitCode, QsupError
from qsup.generate.file import File
from qsup.generate.supervisord import Place, generate


@click.command("gen-supervisor")
@config_option
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to the standard output.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 with the difference when FILE is not current.")
@click.option("--directory", metavar="DIR", help="Where the workers run; the folder of queues.yaml when left out.")
@click.option("--log-directory", metavar="DIR", help="Where their logs go; DIR/logs when left out. Must exist.")
@click.option("--user", metavar="NAME", help="Whom the workers run as; supervisord's own user when left out.")
def gen_supervisor(
    config: str | None, output: str | None, check: bool, directory: str | None, log_directory: str | None,
    user: str | None,
) -> None:  # fmt: skip
    """Make a supervisord file: one program for each queue, each process a `qsup worker`.

    With -o and --check it shows whether FILE still says what queues.yaml says: exit 0 or 1.
    """
    if check and output is None:
        raise click.UsageError("--check needs -o FILE: the file to compare")
    file, routing = the_routing(config)
    # Not resolved: a link such as `current/` is what the workers shall follow, also after the next release.
    config_file = file.absolute()
    place = _place(config_file, directory, log_directory, user)
    made = generate(routing, place, output or "qsup.conf", _remake(config_file, place))
    if check:
        _compare(made)
    elif output is None:
        click.echo(made.content, nl=False)
    else:
        _write(made)
        _warn(place)


def _place(config_file: Path, directory: str | None, log_directory: str | None, user: str | None) -> Place:
    home = Path(directory or config_file.parent).absolute()
    return Place(
        program=_program(),
        config_file=str(config_file),
        directory=str(home),
        log_directory=str(Path(log_directory).absolute() if log_directory else home / "logs"),
        user=user,
        environment=_account(user) if user else {},
    )


def _program() -> tuple[str, ...]:
    interpreter = Path(sys.executable)
    script = interpreter.with_name("qsup")
    return (str(script),) if script.is_file() else (str(interpreter), "-m", "qsup")


def _account(user: str) -> dict[str, str]:
    # supervisord changes the user id but leaves HOME: libpq would look for root's certificates and .pgpass.
    try:
        return {"HOME": pwd.getpwnam(user).pw_dir, "USER": user}
    except KeyError:
        raise QsupError(
            f"there is no user {user} on this machine",
            hint="supervisord refuses a file with an unknown user; make this one where supervisord runs.",
        ) from None


def _remake(config_file: Path, place: Place) -> str:
    # No name in it: the file says the same wherever it is written, so that --check can compare a copy.
    words = ["--config", str(config_file), "--directory", place.directory, "--log-directory", place.log_directory]
    words += ["--user", place.user] if place.user else []
    return f"qsup gen-supervisor -o FILE {shlex.join(words)}"


def _compare(made: File) -> None:
    try:
        found = Path(made.name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise QsupError(f"{made.name} does not exist", hint="Make it: the same command without --check.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise QsupError(f"cannot read {made.name}: {error}") from None
    difference = made.drift(found)
    if difference:
        click.echo(difference, nl=False)
        raise SystemExit(int(ExitCode.ERROR))
    click.echo(f"{made.name} says what queues.yaml says.")


def _write(made: File) -> None:
    target = Path(made.name)
    # A device, a pipe or a link is written through: renaming over /dev/stdout would replace it for the whole machine.
    replaceable = not target.is_symlink() and (target.is_file() or not target.exists())
    fresh = target.with_name(f".{target.name}.new-{os.getpid()}") if replaceable else target
    try:
        fresh.write_text(made.content, encoding="utf-8")
        if replaceable:
            fresh.replace(target)
    except OSError as error:
        if replaceable:
            fresh.unlink(missing_ok=True)
        raise QsupError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"Wrote {target}. Now: supervisorctl reread && supervisorctl update", err=True)


def _warn(place: Place) -> None:
    logs = place.log_directory
    if not Path(logs).is_dir():
        click.echo(f"{logs} does not exist, and supervisord refuses to start without it: mkdir -p {shlex.quote(logs)}",
                   err=True)  # fmt: skip
