"""Comments `# qsup: dispatches A, B on QUEUE`: what a site dispatches that the source does not show."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

from qsup.check.problem import Problem, nearest
from qsup.check.python.reader import ANY_QUEUE
from qsup.check.sites import Site
from qsup.check.summary import typed
from qsup.routing import Routing

COMMENT = re.compile(r"#\s*qsup\s*:\s*(.*?)\s*", re.IGNORECASE)
NAME = r"[A-Za-z_]\w*(?:\s+on\s+[A-Za-z0-9][\w.-]*)?"
DISPATCHES = re.compile(rf"dispatches\s+({NAME}(?:\s*,\s*{NAME})*)(?:\s*[(#;].*)?")
EXAMPLE = "write `# qsup: dispatches JobName, OtherJob`"


@dataclass(frozen=True, slots=True)
class Silencer:
    """One comment. `jobs` are pairs of a job's name and the queue, or None; empty when it is not understood."""

    line: int
    column: int
    until: int
    """The line that it stands for: its own, or the next one with code when it has the line for itself."""
    jobs: tuple[tuple[str, str | None], ...]
    text: str


def read_all(raw: Any) -> list[Silencer]:
    """Comments from JSON. Raises TypeError or ValueError for anything else."""
    return [
        Silencer(
            typed(int, line), typed(int, column), typed(int, until),
            tuple((typed(str, job), queue if queue is None else typed(str, queue)) for job, queue in jobs),
            typed(str, text),
        )
        for line, column, until, jobs, text in raw
    ]  # fmt: skip


def silencers(lines: list[str]) -> list[Silencer]:
    """The comments to qsup in a Python file. Nothing in strings counts."""
    if not any("qsup" in line and "#" in line for line in lines):
        return []
    text = "\n".join(lines) + "\n"
    try:
        tokens = [token for token in tokenize.generate_tokens(StringIO(text).readline) if COMMENT.match(token.string)]
    except (tokenize.TokenError, SyntaxError):
        return []
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    return [_silencer(token, lines) for token in comments]


def _silencer(token: tokenize.TokenInfo, lines: list[str]) -> Silencer:
    line, column = token.start
    match = COMMENT.fullmatch(token.string)
    said = match[1] if match else ""
    alone = not lines[line - 1][:column].strip()
    until = next((at for at in range(line + 1, len(lines) + 1) if _is_code(lines[at - 1])), line) if alone else line
    return Silencer(line, column + 1, until, _jobs(said), said)


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def _jobs(said: str) -> tuple[tuple[str, str | None], ...]:
    match = DISPATCHES.fullmatch(said)
    parts = [part.split() for part in match[1].split(",")] if match else []
    return tuple((part[0], part[2] if len(part) > 2 else None) for part in parts)


def applied(found: Iterable[Site], comments: Iterable[Silencer], routing: Routing) -> tuple[list[Site], list[Problem]]:
    """The sites of one file with what its comments say about them; and the comments that are wrong themselves.

    `path` of the problems is left to the caller.
    """
    sites, problems = list(found), []
    for comment in comments:
        if not comment.jobs:
            message = f'"# qsup: {comment.text[:60]}" is not understood'
            problems.append(_problem("Q216", message, comment, EXAMPLE))
            continue
        meant = [site for site in sites if site.why and _is_meant(comment, site)]
        if not meant:
            message = "this comment says what is dispatched here, but no site here needs it"
            problems.append(_problem("Q214", message, comment, "remove it, or move it to the line of the site"))
        # Without any route, as where there is no queues.yaml, a name with its queue says all that there is to say.
        known = [pair for pair in comment.jobs if pair[0] in routing.routes or (pair[1] and not routing.routes)]
        problems += _unknown_jobs(comment, routing)
        sites = [one for site in sites for one in (_said(site, known) if known and site in meant else [site])]
    return sites, problems


def _is_meant(comment: Silencer, site: Site) -> bool:
    first = site.begin or site.line
    return first <= comment.line <= site.end or first <= comment.until <= site.end or site.line == comment.until


def _said(site: Site, known: list[tuple[str, str | None]]) -> Iterator[Site]:
    """The site once for each job; still unclear when it names a queue that nobody has said."""
    for job, queue in known:
        open_queue = site.unclear_queue and queue is None
        yield replace(site, job=job, queue=queue or site.queue, why=ANY_QUEUE if open_queue else "", missing=None)


def _unknown_jobs(comment: Silencer, routing: Routing) -> Iterator[Problem]:
    for job, _ in comment.jobs:
        if job not in routing.routes:
            message = f"this comment names {job}, which is not under `jobs:`"
            hint = nearest(job, routing.routes) or "add it to queues.yaml"
            yield replace(_problem("Q215", message, comment, hint), job=job)


def _problem(code: str, message: str, comment: Silencer, hint: str) -> Problem:
    return Problem(code=code, message=message, line=comment.line, column=comment.column, hint=hint)
