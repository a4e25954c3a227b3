"""`qsup import`: a queues.yaml from supervisord files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from qsup.check.heard import by_places
from qsup.check.load import load
from qsup.check.problem import Problem, in_order
from qsup.check.producers import producers
from qsup.check.scan import shown
from qsup.check.sites import Site
from qsup.check.supervisord.listeners import Listener, heard_by
from qsup.check.supervisord.survey import Survey, against_code
from qsup.cli.looking import look
from qsup.cli.options import json_option
from qsup.config import parse
from qsup.errors import ConfigUnreadable, QsupError
from qsup.importer.translate import Imported, translate
from qsup.importer.write import Job, text
from qsup.routing import Routing

UNREADABLE = ("Q600", "Q601")


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False,
                path_type=Path))  # fmt: skip
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path),
              help="Write there instead of to the standard output.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite the file of -o.")
@click.option("--code", metavar="PATH", multiple=True, type=click.Path(exists=True, path_type=Path),
              help="Code that dispatches: compared with what is listened to; may be given several times.")  # fmt: skip
@json_option
def import_(files: tuple[Path, ...], output: Path | None, code: tuple[Path, ...], *, force: bool,
            as_json: bool) -> None:  # fmt: skip
    """Make a queues.yaml that means the same as the queue workers in supervisord FILEs.

    Laravel's workers (queue:work, queue:listen) and qsup's are read, with what wraps them; nothing is started. What is
    wrong, missing or cannot be said in queues.yaml is told on the standard error. Exit 78: a FILE is not supervisord's.
    """
    found = look(files, code)
    _readable(found)
    imported = translate(found.found.listeners, _configs(found.found.listeners))
    produced = producers(code, Path.cwd())
    problems = in_order([*found.problems, *imported.problems, *against_code(found, produced)])
    if not imported.queues:
        _tell(problems)
        raise QsupError("no queue worker is in these files", hint="Nothing was written.")
    content = text(imported, found.found, found.read.groups, _jobs(found, produced.sites), _code(code, output))
    if output is not None:
        _write(output, content, force=force)
    if as_json:
        click.echo(json.dumps(_as_json(imported, content, problems)))
    else:
        _tell(problems)
        click.echo(
            content if output is None else f"Wrote {output}. Next: qsup validate {output}", nl=output is not None
        )
    sys.exit(_valid(content, output))


def _readable(found: Survey) -> None:
    """Raises ConfigUnreadable where a file is not supervisord's at all."""
    broken = [problem for problem in found.read.problems if problem.code in UNREADABLE]
    if broken:
        raise ConfigUnreadable("\n".join(map(str, broken)), hint="Nothing was written.")


def _configs(listeners: Sequence[Listener]) -> dict[str, Routing]:
    """The queues.yaml of qsup's own workers, as far as they are on this machine."""
    configs: dict[str, Routing] = {}
    for name in {one.config for one in listeners if one.config}:
        found = load(Path(name), os.environ)
        if found.routing is not None:
            configs[name] = found.routing
    return configs


def _jobs(found: Survey, sites: Sequence[Site]) -> Iterator[Job]:
    """Each job class with the queue that it is dispatched to, once."""
    heard = by_places(heard_by(found.found.listeners, {}))
    told = set()
    for site in sites:
        if site.job and not site.why and (site.job, site.queue) not in told:
            told.add((site.job, site.queue))
            queue = site.queue or "?"
            lost = f"nobody listens to {queue}" if queue not in heard.queues else ""
            place = f"{shown(site.file)}:{site.line}"
            yield Job(name=site.job, queue=queue, place=place, note=lost)


def _code(code: Sequence[Path], output: Path | None) -> list[str]:
    """As `code:` names it: from the folder of the file."""
    home = output.absolute().parent if output else Path.cwd()
    return [os.path.relpath(path, home) for path in code]


def _write(output: Path, content: str, *, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(content)
    except FileExistsError:
        hint = "Name another file with -o, or overwrite it with --force."
        raise QsupError(f"{output} is there already; nothing was written", hint=hint) from None
    except OSError as error:
        raise QsupError(f"cannot write {output}: {error.strerror}") from None


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)


def _valid(content: str, output: Path | None) -> int:
    """0; 1 when qsup itself would refuse the file, which is told: more workers than one supervisor can have."""
    from qsup.check.rules import check

    parsed = parse(content, str(output or "queues.yaml"), {})
    wrong = [problem for problem in (*parsed.problems, *check(parsed)) if problem.severity == "error"]
    _tell(wrong)
    return 1 if wrong else 0


def _as_json(imported: Imported, content: str, problems: Sequence[Problem]) -> dict[str, object]:
    return {
        "queues_yaml": content,
        "queues": [asdict(made) for made in imported.queues],
        "problems": [problem.to_dict() for problem in problems],
    }
