"""`qsup validate --explain Qnnn`: the page of a problem code, for a terminal or as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from qsup import pages

F = TypeVar("F", bound=Callable[..., Any])


def explain_option(function: F) -> F:
    """`--explain CODE`, which needs no file and ends the command."""
    return click.option(
        "--explain",
        metavar="CODE",
        is_eager=True,
        allow_from_autoenv=False,
        expose_value=False,
        callback=_explain,
        help="Print the page of a problem code, such as Q103, and check nothing.",
    )(function)


def _explain(ctx: click.Context, _option: click.Parameter, code: str | None) -> None:
    if code is None or ctx.resilient_parsing:
        return
    try:
        text = pages.page(code)
    except pages.UnknownCode as error:
        raise click.BadParameter(f"{error.message}, {error.hint}", param_hint="--explain") from None
    _show(text)
    ctx.exit()


def _show(text: str) -> None:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
