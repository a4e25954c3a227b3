"""The sites of PHP code against what is heard, and against the routes of queues.yaml. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from qsup.check.php.found import PhpSite
from qsup.check.problem import Problem, nearest
from qsup.check.scan import shown
from qsup.routing import Route

NAMED = 2
"""Dispatching places that a problem names; more are counted."""


def unheard(sites: Iterable[PhpSite], heard: Mapping[str, str]) -> list[Problem]:
    """A problem for each place where a queue is written that nobody hears: one mistake, one problem.

    `heard`: queue → where it is listened to (qsup.check.heard.Heard.queues).
    """
    groups: dict[tuple[Path, int, int, str], list[PhpSite]] = {}
    for site in sites:
        if site.queue is not None and site.queue not in heard:
            groups.setdefault((*_place(site), site.queue), []).append(site)
    return [_problem(place, members, heard) for place, members in groups.items()]


def _place(site: PhpSite) -> tuple[Path, int, int]:
    return site.written or (site.file, site.line, site.column)


def _problem(place: tuple[Path, int, int, str], sites: list[PhpSite], heard: Mapping[str, str]) -> Problem:
    file, line, column, queue = place
    jobs = sorted({site.job for site in sites if site.job})
    who = _listed(jobs) if jobs else "what is sent here"
    source = next((site.source for site in sites if site.source), "")
    where = f"{queue} ({source})" if source else queue
    message = f"{who} {'go' if len(jobs) > 1 else 'goes'} to queue {where}, which nobody hears"
    elsewhere = sorted({(shown(site.file), site.line) for site in sites} - {(shown(file), line)})
    if elsewhere:
        places = _listed([f"{name}:{number}" for name, number in elsewhere])
        message += f"; dispatched at {places}"
    known = nearest(queue, heard)
    hint = known.removesuffix("?") + f" ({heard[_of(known)]})?" if known else "start a worker for it"
    return Problem(
        code="Q401",
        message=message,
        hint=hint,
        path=shown(file),
        line=line,
        column=column,
        queue=queue,
        job=jobs[0] if len(jobs) == 1 else None,
    )


def _of(hint: str) -> str:
    return hint.removeprefix("did you mean ").removesuffix("?")


def _listed(names: list[str]) -> str:
    if len(names) <= NAMED + 1:
        return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def against_routes(sites: Iterable[PhpSite], routes: Mapping[str, Route]) -> Iterator[Problem]:
    """A problem for each job of `jobs:` that PHP code sends to another queue than its route says."""
    told: set[tuple[Path, int, int, str]] = set()
    for site in sites:
        route = routes.get(site.job)
        if route is None or site.queue is None or site.queue == route.queue:
            continue
        file, line, column = _place(site)
        if (file, line, column, site.queue) in told:
            continue
        told.add((file, line, column, site.queue))
        message = f"PHP sends {site.job} to queue {site.queue}, but `jobs:` routes it to {route.queue}"
        yield Problem(
            code="Q402",
            message=message,
            hint="let both say the same",
            path=shown(file),
            line=line,
            column=column,
            queue=site.queue,
            job=site.job,
        )
