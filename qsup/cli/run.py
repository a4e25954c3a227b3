"""`qsup run`."""

from __future__ import annotations

import os
import sys

import click

from qsup.cli.options import config_option, database_option, the_file
from qsup.supervise.ahead import read_ahead


@click.command()
@config_option
@database_option
@click.option(
    "--strict/--no-strict", default=False, help="Refuse to start when the file has warnings or leaves jobs unheard."
)
@click.option("--allow-orphans", is_flag=True, help="Apply edits that leave dispatching code or waiting rows unheard.")
def run(config: str | None, database: str | None, *, strict: bool, allow_orphans: bool) -> None:
    """Serve queues.yaml in the foreground: supervisor, courier and all workers.

    Save the file to change anything: unchanged workers keep running. TERM or Ctrl-C lets running jobs finish and
    stops; a second one stops at once. HUP reads the file and the code again. Exit 78: the file is wrong.
    """
    file = the_file(config)
    # The arguments of a process can be read by everybody on the machine, its environment only by its own user.
    os.environ.update({"QSUP_DATABASE_URL": database} if database else {})
    arguments = [sys.executable, "-m", "qsup.supervise", "--config", str(file), *(["--strict"] if strict else [])]
    arguments += ["--allow-orphans"] if allow_orphans else []
    sys.stdout.flush()
    read_ahead(file, os.environ, strict=strict)
    # This process has parsed options with click and more in it; the supervisor begins with nothing.
    os.execv(sys.executable, arguments)  # noqa: S606  our own interpreter, no shell
