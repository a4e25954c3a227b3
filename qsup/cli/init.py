"""`qsup init`: a first project that runs at once."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from qsup.errors import QsupError
from qsup.generate.file import File
from qsup.starter import project


@click.command()
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Write a small queues.yaml, a job and its handler that run at once into DIR (the current one when left out).

    Nothing is overwritten: with one of the files there already, nothing is written at all.
    """
    written = project()
    _refuse_to_overwrite(directory, written)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in written:
            with (directory / file.name).open("x", encoding="utf-8") as stream:
                stream.write(file.content)
    except OSError as error:
        raise QsupError(f"cannot write into {directory}: {error.strerror}") from None
    click.echo(f"Wrote {' and '.join(str(directory / file.name) for file in written)}. Next:")
    click.echo("  " + ("" if directory == Path() else f"cd {shlex.quote(str(directory))} && ") + "qsup run")
    click.echo("""  qsup dispatch GreetJob '{"name": "Ada"}'        # in a second terminal, in the same folder""")


def _refuse_to_overwrite(directory: Path, written: list[File]) -> None:
    # A dangling symbolic link is in the way too.
    taken = [path for file in written if (path := directory / file.name).exists() or path.is_symlink()]
    if taken:
        raise QsupError(
            f"already there: {', '.join(map(str, taken))}; nothing was written",
            hint="Run qsup init in an empty folder, or name one: qsup init DIR",
        )
