"""Everything that is found in supervisord files, alone and against code and queues.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsup.check.heard import Heard, by_file, by_places
from qsup.check.php.compare import unheard as php_unheard
from qsup.check.php.found import PhpSite
from qsup.check.problem import Problem, in_order
from qsup.check.producers import Produced
from qsup.check.scan import shown
from qsup.check.sites import Site
from qsup.check.supervisord import compare, lasting, rules
from qsup.check.supervisord.files import read
from qsup.check.supervisord.listeners import Connections, Sorted, by_itself, heard_by, sort
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
    told = [*rules.check(found, kinds, connections), *lasting.of_horizon(kinds.listeners, connections)]
    return Survey(found, kinds, in_order([*found.problems, *told]))


def by_horizon(connections: Connections) -> Survey:
    """The listeners of an application with Horizon, whoever starts it; nothing for one without."""
    kinds = Sorted(by_itself(connections.horizon) if connections.horizon else (), ())
    nothing = read([], {})
    told = [*rules.check(nothing, kinds, connections), *lasting.of_horizon(kinds.listeners, connections)]
    return Survey(nothing, kinds, in_order(told))


def against_code(found: Survey, code: Produced) -> tuple[Problem, ...]:
    """What the code dispatches that nobody hears, and the other way round, without a queues.yaml."""
    heard, listeners = found.heard(None), found.found.listeners
    told = [
        *code.problems,
        *compare.unheard(list(_dispatches(code.python.sites, None)), heard, listeners),
        *(compare.softened(one, listeners) for one in php_unheard(code.php.sites, heard.queues)),
        *_unused(found, code.sites, None),
        *lasting.of_jobs(listeners, _lasting(code.sites)),
    ]
    return in_order(told)


def against_file(found: Survey, sites: Collection[Site], parsed: Parsed) -> tuple[Problem, ...]:
    """What queues.yaml and the programs do not say alike; the `sites` themselves have been judged already."""
    listeners = found.found.listeners
    told = [*compare.declared(parsed, listeners), *lasting.of_jobs(listeners, _lasting(sites))]
    return in_order([*_unused(found, sites, parsed), *told])


def _unused(found: Survey, sites: Collection[Site], parsed: Parsed | None) -> Iterator[Problem]:
    if sites:
        used = {one.queue for one in _dispatches(sites, parsed)} | _routed(parsed)
        certain = not any(unclear(site, parsed) for site in sites)
        yield from compare.unused(found.found.listeners, used, found.heard(parsed), certain=certain)


def _lasting(sites: Collection[Site]) -> list[lasting.Lasting]:
    """The jobs that say how long they may run, each once for a queue."""
    found = {
        (site.job, site.queue): lasting.Lasting(
            job=site.job, queue=site.queue, timeout=site.limit[0], place=f"{shown(site.limit[1])}:{site.limit[2]}"
        )
        for site in sites
        if isinstance(site, PhpSite) and site.limit is not None and site.queue is not None
    }
    return list(found.values())


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
