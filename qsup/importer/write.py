"""The text of an imported queues.yaml, with comments for what each part was made from. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qsup import keys
from qsup.check.numbers import written
from qsup.check.problem import printable
from qsup.check.supervisord.listeners import Sorted
from qsup.check.supervisord.programs import Group, Program
from qsup.importer.translate import LARAVEL, Imported, Made

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _.()/-]*[A-Za-z0-9_.()/-]|[A-Za-z]")
RESERVED = ("true", "false", "null")

ELSEWHERE: Mapping[str, str] = {
    "directory user umask": "what `qsup run` itself is started with",
    "environment": "what `qsup run` itself is started with",
    "stopwaitsecs stopsignal stopasgroup killasgroup": "derived from `timeout` and `grace`: see `qsup explain QUEUE`",
    "autorestart startsecs startretries exitcodes": "a worker that ends is always replaced",
    "stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups stderr_logfile stderr_logfile_maxbytes "
    "stderr_logfile_backups redirect_stderr": "output goes to the standard output of `qsup run`",
}
"""Keys of programs that queues.yaml has no word for, and why."""

NOT_IMPORTED = {
    "qsup run": "`qsup run` serves a queues.yaml of its own",
    "horizon": "Horizon decides itself how many workers a queue has",
}
"""Listeners whose queues may be known, and why there are none in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job class that the code dispatches."""

    name: str
    queue: str
    place: str
    note: str = ""


def text(imported: Imported, found: Sorted, groups: Sequence[Group], jobs: Iterable[Job], code: Sequence[str]) -> str:
    """The file."""
    programs = list({id(one.program): one.program for one in found.listeners}.values())
    defaults = LARAVEL if any(one.kind == "laravel" for one in found.listeners) else {}
    lines = [*_head(programs, groups), "version: 1", ""]
    if defaults:
        said = ", ".join(_pairs({key: written(key, value) for key, value in defaults.items()}))
        lines += ["# What Laravel's workers do where their command says nothing.", f"defaults: {{{said}}}", ""]
    lines += ["queues:", *(line for made in imported.queues for line in _queue(made, defaults)), ""]
    lines += [*_jobs(list(jobs)), *_left_out(found)]
    if code:
        lines += [f"code: [{', '.join(_word(path) for path in code)}]"]
    return "\n".join(lines).rstrip() + "\n"


def _head(programs: Sequence[Program], groups: Sequence[Group]) -> Iterator[str]:
    files = sorted({program.section.file for program in programs})
    yield from _comment(f"Made by `qsup import` from {', '.join(files)}.")
    told = list(_elsewhere(programs, groups))
    if told:
        yield "# Not in this file:"
        yield from (line for one in told for line in _comment(f"  {one}"))


def _elsewhere(programs: Sequence[Program], groups: Sequence[Group]) -> Iterator[str]:
    for words, why in ELSEWHERE.items():
        used = [key for key in words.split() if any(key in program.entries for program in programs)]
        if used:
            names = sorted({name for program in programs for one in program.processes[:1] for name in one.environment})
            shown = f" ({', '.join(names)})" if used == ["environment"] else ""
            yield f"{', '.join(used)}{shown}: {why}"
    if groups:
        names = [f"[{group.section.name}]" for group in groups]
        yield f"{', '.join(names)}: an edit restarts only the workers that it changes"
    if any("priority" in program.entries for program in programs):
        yield "`priority` stays: the order of starting and stopping, as in supervisord, never of jobs"


def _queue(made: Made, defaults: Mapping[str, Any]) -> Iterator[str]:
    yield from _comment(made.program, "  ")
    for note in made.notes:
        yield from _comment(note, "  ")
    said: dict[str, str] = {}
    if made.workers_of is not None:
        said["workers_of"] = _word(made.workers_of)
    else:
        said["workers"] = str(made.workers)
        if made.priority != 999:
            said["priority"] = str(made.priority)
    base = {**_built_in(), **defaults}
    said |= {key: written(key, value) for key, value in made.settings.items() if value != base[key]}
    if made.purpose:
        said["purpose"] = _word(made.purpose)
    yield f"  {_word(made.name)}: {{{', '.join(_pairs(said))}}}"


def _built_in() -> dict[str, Any]:
    return keys.Defaults.model_validate(keys.BUILT_IN).model_dump()


def _pairs(said: Mapping[str, str]) -> list[str]:
    return [f"{key}: {value}" for key, value in said.items()]


def _jobs(jobs: Sequence[Job]) -> Iterator[str]:
    if not jobs:
        yield from _comment("jobs: is missing: the classes that may be dispatched, each with its queue and handler.")
        yield ""
        return
    yield from _comment("The jobs that the code dispatches. Write the handler of each, then take its # away.")
    yield "# jobs:"
    for job in jobs:
        note = f"; {job.note}" if job.note else ""
        entry = f'{job.name}: {{queue: {_word(job.queue)}, handler: "MODULE:FUNCTION"}}'
        yield from _comment(f"  {entry}  # {job.place}{note}")
    yield ""


def _left_out(found: Sorted) -> Iterator[str]:
    unknown = [one for one in found.listeners if one.why or one.kind in NOT_IMPORTED]
    for one in unknown:
        yield from _comment(f"Not imported: {one.place}: {one.why or NOT_IMPORTED[one.kind]}")
    for program in (*found.others, *found.unreadable):
        yield from _comment(f"Not a queue worker: {program.section.place}")
    if unknown or found.others or found.unreadable:
        yield ""


def _comment(said: str, indent: str = "") -> Iterator[str]:
    yield f"{indent}# {printable(said)}"


def _word(said: str) -> str:
    """As YAML reads it back: bare where that is sure, else in quotes. A `${` is no variable."""
    said = printable(said)
    if PLAIN.fullmatch(said) and said.lower() not in RESERVED:
        return said
    return json.dumps(said.replace("${", "$${"), ensure_ascii=False)
