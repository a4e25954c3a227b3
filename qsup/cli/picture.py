"""From what `qsup validate` sees to what `qsup graph` draws."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qsup.check.php.around import Spans, class_at, classes
from qsup.check.php.found import PhpSite
from qsup.check.python.reach import Reach, reach
from qsup.check.scan import shown
from qsup.check.sites import Site
from qsup.check.supervisord.compare import served_by
from qsup.check.supervisord.listeners import Listener, heard_by
from qsup.check.supervisord.survey import unclear
from qsup.check.unheard import nobody_hears
from qsup.cli.looking import Look
from qsup.graph.build import build
from qsup.graph.model import Graph, Pool, Seen, Sent
from qsup.routing import Routing

BY_ITSELF = ("class", "listener", "broadcast")
"""Kinds of PHP sites that are no call: a class that says its own queue, what the framework puts there for an event."""
COMMENTED = "Q215"
"""A comment names a job that nobody declares: such a place is no site, yet it dispatches."""


def picture(seen: Look, title: str, root: Path) -> Graph:
    """The drawing of what was seen; `root` is where Python's imports begin."""
    routing = seen.loaded.parsed.routing if seen.loaded and seen.loaded.parsed else None
    problems = tuple(problem for problem in seen.problems if nobody_hears(problem))
    inside = Inside(reach(seen.sound.routing, root) if seen.sound else Reach(), {site.job for site in seen.read.sites})
    sent = [_sent(site, seen, inside.jobs(site)) for site in seen.read.sites]
    for one in problems:
        if one.code == COMMENTED and one.job:
            jobs = inside.of_python(Path(one.path), one.line)
            sent.append(Sent(path=one.path, line=one.line, column=one.column, job=one.job, inside=jobs))
    pools = tuple(_pools(routing, seen.found.found.listeners))
    sites = len(seen.read.sites)
    return build(Seen(title=title, routing=routing, sent=tuple(sent), pools=pools, problems=problems, sites=sites))


@dataclass(slots=True)
class Inside:
    """Which jobs a place is part of."""

    python: Reach
    jobs_of_php: Collection[str]
    php: dict[Path, Spans] = field(default_factory=dict)

    def jobs(self, site: Site) -> tuple[str, ...]:
        """The jobs that come to a site when they run; none for code of the application."""
        if not isinstance(site, PhpSite):
            return self.of_python(site.file, site.line)
        if site.file not in self.php:
            self.php[site.file] = classes(site.file)
        name = class_at(self.php[site.file], site.line)
        return (name,) if name in self.jobs_of_php else ()

    def of_python(self, file: Path, line: int) -> tuple[str, ...]:
        """The same for a line of Python."""
        return self.python.jobs(file, line)


def _sent(site: Site, seen: Look, inside: tuple[str, ...]) -> Sent:
    php = site if isinstance(site, PhpSite) else None
    written = (shown(php.written[0]), *php.written[1:]) if php and php.written else None
    return Sent(
        path=shown(site.file),
        line=site.line,
        column=site.column,
        job=site.job,
        queue=site.queue,
        why=site.why if seen.loaded else unclear(site, None),
        inside=inside,
        by_itself=php is not None and php.kind in BY_ITSELF,
        written=written,
    )


def _pools(routing: Routing | None, listeners: Sequence[Listener]) -> Iterator[Pool]:
    """The workers of the file, unless supervisord starts those, and those of programs."""
    served = served_by(routing)
    if not any(one.kind == "qsup" for one in listeners):
        yield from _of_the_file(routing, served)
    # `qsup run` starts the file's own workers, which are there already.
    for one in (one for one in listeners if one.kind != "qsup run"):
        heard = tuple(dict.fromkeys(queue for queue, _ in heard_by([one], served))) if one.starts else one.queues
        yield Pool(
            name=one.program.name,
            workers=one.processes,
            queues=() if one.why else heard,
            where=one.place.partition(" ")[0],
            starts=one.starts,
            why=one.why,
        )


def _of_the_file(routing: Routing | None, served: Mapping[str, tuple[str, ...]]) -> Iterator[Pool]:
    for name, queues in served.items():
        assert routing is not None  # noqa: S101  served_by(None) is empty
        yield Pool(name=name, workers=routing.queues[name].workers, queues=queues)
