"""`qsup graph`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from qsup.check.load import sound
from qsup.check.php.horizon import FILE as HORIZON
from qsup.check.unheard import OF_NOBODY
from qsup.cli.looking import Look, beside_a_file, without_a_file
from qsup.cli.options import config_option, json_option, the_file
from qsup.cli.picture import picture
from qsup.cli.supervised import has_horizon, no_file, supervisor_option
from qsup.graph.dot import dot
from qsup.graph.html import html
from qsup.graph.mermaid import mermaid
from qsup.graph.model import Graph
from qsup.graph.svg import svg
from qsup.graph.text import text

FORMATS = ("text", "mermaid", "dot", "svg", "html", "json")
BY_SUFFIX = {".mmd": "mermaid", ".mermaid": "mermaid", ".gv": "dot", ".htm": "html"} | {
    f".{form}": form for form in ("dot", "svg", "html", "json")
}
STYLES = {"": "", "bold": "bold", "dim": "dim", "red": "red"}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@config_option
@supervisor_option
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="json as --json. Default: what the name of --output ends in, else text.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there instead of to the standard output.",
)
def graph(
    paths: tuple[Path, ...], config: str | None, supervisor: tuple[Path, ...], *, as_json: bool, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Draw who dispatches which job, on which queue, to which workers; what is unheard is red, and says so.

    PATHS, Python and PHP, are read in place of the file's `code:`, as `qsup validate` reads them; what is drawn as
    unheard is what it tells. A job dispatches another when its handler comes to the place that does.
    Exit 0 whatever is drawn; 78: queues.yaml is wrong in other ways.
    """
    form = chosen(form, output, as_json=as_json)
    drawn = _drawn(paths, config, supervisor)
    content = rendered(drawn, form)
    if output is not None:
        output.write_text(content or _plain(drawn), encoding="utf-8")
    elif content:
        click.echo(content, nl=False)
    else:
        _show(drawn)
    if drawn.problems:
        said = f"{len(drawn.problems):,} unheard, drawn in red"
        click.echo(f"{said}: `qsup validate` says where they are and what to do", err=True)


def chosen(form: str | None, output: Path | None, *, as_json: bool) -> str:
    """The format that the options ask for together. Raises click.UsageError when they differ."""
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other.")
    ending = BY_SUFFIX.get(output.suffix.lower(), "text") if output else "text"
    return "json" if as_json else form or ending


def rendered(drawn: Graph, form: str) -> str:
    """The drawing in this format; empty for text, whose colours are the terminal's."""
    match form:
        case "json":
            return f"{json.dumps(drawn.to_dict())}\n"
        case "mermaid":
            return mermaid(drawn)
        case "dot":
            return dot(drawn)
        case "svg":
            return svg(drawn)
        case "html":
            return html(drawn)
    return ""


def _drawn(paths: tuple[Path, ...], config: str | None, supervisor: tuple[Path, ...]) -> Graph:
    """Look as `qsup validate` does. Raises ConfigUnreadable for a file that cannot be drawn."""
    named = [path for path in paths if path.suffix in (".yaml", ".yml")]
    code = [path for path in paths if path not in named]
    if not named and no_file(config) and (supervisor or has_horizon(code)):
        named_by = ", ".join(map(str, supervisor or [HORIZON]))
        return picture(without_a_file(supervisor, code), named_by, Path.cwd())
    file = the_file(str(named[-1]) if named else config)
    seen = beside_a_file(file, code, supervisor)
    _drawable(seen, file)
    return picture(seen, str(file), file.parent)


def _drawable(seen: Look, file: Path) -> None:
    """A file whose only errors are unheard jobs is drawn without its code, which `qsup validate` does not read then."""
    assert seen.loaded is not None  # noqa: S101  there is a file
    others = [one for one in seen.loaded.problems if one.severity == "error" and one.code not in OF_NOBODY]
    if others:
        sound(seen.loaded)
    if seen.sound is None:
        click.echo(f"{file} has errors: its code was not read", err=True)


def _plain(drawn: Graph) -> str:
    return "".join(f"{line.text}\n" for line in text(drawn))


def _show(drawn: Graph) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    for line in text(drawn, ascii_only=console.options.ascii_only):
        console.print(line.text, style=STYLES[line.style])
