"""Writes docs/reference/commands.md from the commands themselves: `python docs/generate.py`, or `make docs`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from qsup.cli import COMMANDS, cli

PAGE = Path(__file__).parent / "reference" / "commands.md"
TOP = """\
# Commands

<!-- Written by docs/generate.py from the commands' own help; `make docs` writes it again. -->

A flag beats its environment variable, a variable beats queues.yaml. Without `--config` the file is looked for at
`./queues.yaml`, `./config/queues.yaml` and `/etc/qsup/queues.yaml`. How a command ends: [exit codes](exit-codes.md).
"""


def page() -> str:
    """The whole page."""
    context = click.Context(cli, info_name="qsup", auto_envvar_prefix="QSUP")
    sections = [section for name in sorted(COMMANDS) for section in command(cli, context, name)]
    return "\n".join([TOP, *sections])


def command(group: click.Group, parent: click.Context, name: str) -> Iterator[str]:
    """One command and, for a group, the commands in it."""
    found = group.get_command(parent, name)
    if found is None:
        raise LookupError(f"{parent.command_path} has no command {name}")
    context = click.Context(found, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *found.collect_usage_pieces(context)])
    shown = [option(one, context) for one in found.params if isinstance(one, click.Option) and not one.hidden]
    table = ["| option | | environment |", "|---|---|---|", *shown, ""] if shown else []
    yield "\n".join([f"## {context.command_path}", "", *prose(found.help or ""), f"    {usage}", "", *table])
    if isinstance(found, click.Group):
        for inner in found.list_commands(context):
            yield from command(found, context, inner)


def prose(text: str) -> list[str]:
    """The help, without click's marks for kept lines."""
    return [*inspect.cleandoc(text).replace("\b\n", "").replace("\f", "").splitlines(), ""]


def option(one: click.Option, context: click.Context) -> str:
    """A line of the table."""
    names = ", ".join(f"`{name}`" for name in [*one.opts, *one.secondary_opts])
    value = "" if one.is_flag or one.count else f" {one.metavar or choices(one)}"
    default = f" Default: {one.default}." if shows_default(one) else ""
    said = f"{one.help or ''}{default}".replace("|", "\\|")
    return f"| {names}{value} | {said} | {' '.join(f'`{name}`' for name in variables(one, context))} |"


def variables(one: click.Option, context: click.Context) -> list[str]:
    """The environment variables that are read for it."""
    if one.envvar is not None:
        return [one.envvar] if isinstance(one.envvar, str) else list(one.envvar)
    return [f"{context.auto_envvar_prefix}_{one.name}".upper()] if one.allow_from_autoenv else []


def choices(one: click.Option) -> str:
    """What may stand behind the option."""
    return "/".join(map(str, one.type.choices)) if isinstance(one.type, click.Choice) else one.type.name.upper()


def shows_default(one: click.Option) -> bool:
    """Whether a value of its own stands there when it is left out."""
    return not one.is_flag and not one.count and isinstance(one.default, str | int | float) and one.default != ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")


if __name__ == "__main__":
    main()
