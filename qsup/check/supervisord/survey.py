"""Everything that is found in supervisord files, alone and against code and queues.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsup.check.heard import Heard, by_file, by_places
from qsup.check.problem import Problem, in_order
from qsup.check.sites import Site
from qsup.check.supervisord import compare, rules
from qsup.check.supervisord.files import read, shown
from qsup.check.supervisord.listeners import Connections, Sorted, heard_by, sort
from qsup.check.supervisord.programs import Read
from qsup.config import Parsed


@dataclass(frozen=True, slots=True)
class Survey:
    """The files, read and sorted."""

    read: Read
    found: Sorted
    problems: tuple[Problem, ...]
    """Of the files alone."""

    def heard(self, parsed: Parsed | None) -> Heard:
        """What somebody listens to: the programs, and who serves queues.yaml."""
        routing = parsed.routing if parsed else None
        programs = by_places(heard_by(self.found.listeners, compare.served_by(routing)))
        return programs.and_also(by_file(parsed)) if parsed else programs


def survey(files: Sequence[Path], environ: Mapping[str, str], connections: Connections) -> Survey:
    """Read `files`. Never raises for what is in them."""
    found = read(files, environ)
    kinds = sort(found.programs, connections)
    return Survey(found, kinds, in_order([*found.problems, *rules.check(found, kinds, connections)]))


def against(
    found: Survey, sites: Collection[Site], parsed: Parsed | None, judged: Collection[Site] = ()
) -> tuple[Problem, ...]:
    """What code and queues.yaml say that the programs do not, and the other way round.

    `judged` are more sites: those that were held against queues.yaml already.
    """
    heard, listeners = found.heard(parsed), found.found.listeners
    problems = list(compare.unheard(list(_dispatches(sites, parsed)), heard, listeners))
    every = [*sites, *judged]
    if every:
        used = {one.queue for one in _dispatches(every, parsed)} | _routed(parsed)
        certain = not any(unclear(site, parsed) for site in every)
        problems += compare.unused(listeners, used, heard, certain=certain)
    if parsed is not None:
        problems += compare.declared(parsed, listeners)
    return in_order(problems)


def _routed(parsed: Parsed | None) -> set[str]:
    return {route.queue for route in parsed.routing.routes.values()} if parsed else set()


def _dispatches(sites: Collection[Site], parsed: Parsed | None) -> Iterator[compare.Dispatch]:
    for site in sites:
        queue = queue_of(site, parsed)
        if queue is not None and not site.why:
            path = shown(site.file)
            yield compare.Dispatch(path=path, line=site.line, column=site.column, job=site.job, queue=queue)


def queue_of(site: Site, parsed: Parsed | None) -> str | None:
    """The queue that a site names, or that queues.yaml routes its job to."""
    if site.queue is not None or parsed is None or site.job not in parsed.routing.routes:
        return site.queue
    return parsed.routing.routes[site.job].queue


def unclear(site: Site, parsed: Parsed | None) -> str:
    """Why it is not known where the site's job goes; empty when it is."""
    if site.why:
        return site.why
    missing = "" if parsed else ", and there is no queues.yaml to say it"
    return "" if queue_of(site, parsed) is not None else f"the queue of {site.job or 'this job'} is not named{missing}"
