"""The commands. Each is a thin click command in a module of its own, imported when it is called.

Lazy on purpose: `qsup run` must not load the database driver into the supervisor, and `qsup --help` stays quick.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import NoReturn

import click

from qsup.errors import QsupError
from qsup.version import __version__

COMMANDS = {
    "apply": "qsup.cli.apply:apply",
    "cancel": "qsup.cli.cancel:cancel",
    "check": "qsup.cli.validate:check",
    "db": "qsup.cli.db:db",
    "dispatch": "qsup.cli.dispatch:dispatch",
    "explain": "qsup.cli.explain:explain",
    "failed": "qsup.cli.failed:failed",
    "flush": "qsup.cli.forget:flush",
    "forget": "qsup.cli.forget:forget",
    "graph": "qsup.cli.graph:graph",
    "gen-supervisor": "qsup.cli.gen_supervisor:gen_supervisor",
    "import": "qsup.cli.importing:import_",
    "init": "qsup.cli.init:init",
    "job": "qsup.cli.job:job",
    "migrate": "qsup.cli.migrate:migrate",
    "pause": "qsup.cli.pause:pause",
    "plan": "qsup.cli.plan:plan",
    "prune-failed": "qsup.cli.prune_failed:prune_failed",
    "release": "qsup.cli.release:release",
    "restart": "qsup.cli.restart:restart",
    "resume": "qsup.cli.pause:resume",
    "retry": "qsup.cli.retry:retry",
    "run": "qsup.cli.run:run",
    "scale": "qsup.cli.scale:scale",
    "schema": "qsup.cli.schema:schema",
    "status": "qsup.cli.status:status",
    "validate": "qsup.cli.validate:validate",
    "why": "qsup.cli.why:why",
    "worker": "qsup.cli.worker:worker",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101  a wrong line in COMMANDS, not a user's mistake
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "QSUP"})
@click.version_option(__version__, prog_name="qsup")
def cli() -> None:
    """A declarative queue supervisor on PostgreSQL: one file says everything, no job is unheard."""


def main() -> None:
    """Run the command line; an error becomes its sentence on stderr and its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or pipe without some letter of a name gets `\xe4` for it, as on stderr, instead of a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        cli.main(standalone_mode=False)
    except QsupError as error:
        _fail(error)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # `qsup … | head`: the reader left; writing the rest, also at exit, would only raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _fail(QsupError(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"))
    except Exception as error:
        _fail(_of_the_database(error))


def _fail(error: QsupError) -> NoReturn:
    click.echo(f"qsup: {error}", err=True)
    sys.exit(int(error.exit_code))


def _of_the_database(error: Exception) -> QsupError:
    """What PostgreSQL refused in the middle of a command. Anything else is a defect of ours and raised again."""
    driver = sys.modules.get("psycopg")
    if driver is None or not isinstance(error, driver.Error):
        raise error
    from qsup.complaints import as_error

    return as_error(error)
