"""The code against queues.yaml: handlers and job classes, and every dispatch site, in both directions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from qsup.check.cache import without_collecting
from qsup.check.findings import Unclear
from qsup.check.handlers import Handlers, handler_files
from qsup.check.problem import Problem, in_order, nearest
from qsup.check.python.classes import Classes
from qsup.check.python.evaluate import Evaluator
from qsup.check.python.silencers import Silencer, applied, read_all, silencers
from qsup.check.recall import Recall
from qsup.check.sites import Absent, Site, in_script, sites
from qsup.check.skim import Skim
from qsup.check.source import Module, Sources, python_files, script_files
from qsup.config import Parsed
from qsup.faults import problem
from qsup.routing import Routing


@dataclass(frozen=True, slots=True)
class Scan:
    """What the code says."""

    problems: tuple[Problem, ...]
    sites: tuple[Site, ...]

    def unverifiable(self) -> tuple[Site, ...]:
        """The sites of which only running the code would tell. What is certainly wrong is a problem instead."""
        return tuple(site for site in self.sites if site.why and not site.missing)

    def unclear(self) -> tuple[Unclear, ...]:
        """The same for people and programs: with the file as it is named to them."""
        return tuple(
            Unclear(
                path=shown(site.file),
                line=site.line,
                column=site.column,
                job=site.job or None,
                queue=site.queue,
                why=site.why,
            )
            for site in self.unverifiable()
        )


def scan(parsed: Parsed, root: Path, paths: Iterable[Path] | None = None, skim: Skim | None = None) -> Scan:
    """Read the code below `root`, the folder of queues.yaml. `paths` takes the place of the file's `code:`.

    `skim` reads the single files: from a cache, or on many cores; the verdict is the same.
    """
    with without_collecting():
        return _scan(parsed, root, paths, skim or Skim())


def _scan(parsed: Parsed, root: Path, paths: Iterable[Path] | None, skim: Skim) -> Scan:
    sources = Sources(root, skim)
    ev = Evaluator(sources)
    read = [root / name for name in parsed.routing.code] if paths is None else list(paths)
    files = list(dict.fromkeys(file for path in read for file in python_files(path)))
    handlers = list(handler_files(parsed, root))
    skim.prepare([*files, *handlers])
    modules = [sources.read(file) for file in files]
    around = [sources.read(file) for file in handlers]
    classes = Classes(ev, list({module.file: module for module in [*modules, *around]}.values()))
    routing = parsed.routing
    found, comments = _silenced(list(sites(modules, ev, classes, routing.routes)), modules, sources, routing)
    found += [site for path in read for file in script_files(path) for site in _script(file)]
    problems = [
        *_missing_paths(parsed, root, paths),
        *_unreadable(modules),
        *(_of_handler(found) for found in Handlers(parsed, ev, classes).check()),
        *comments,
        *(problem for site in found for problem in _site(site, routing)),
        *(_never_dispatched(parsed, found) if read else ()),
    ]
    return Scan(in_order(problems), tuple(found))


def shown(file: Path) -> str:
    """A file as a problem names it: seen from here when it is below, else in full."""
    near = os.path.relpath(file)
    return str(file) if near.startswith("..") else near


def _silenced(
    found: list[Site], modules: Iterable[Module], sources: Sources, routing: Routing
) -> tuple[list[Site], list[Problem]]:
    """The sites with what comments say about them, and the problems of comments."""
    sites, problems, recall = [], [], Recall(sources)
    by_file: dict[Path, list[Site]] = {}
    for site in found:
        by_file.setdefault(site.file, []).append(site)
    for module in modules:
        own = by_file.get(module.file, [])
        comments = _comments(module, recall) if module.summary.remarks else []
        own, wrong = applied(own, comments, routing)
        sites += own
        problems += [replace(problem, path=shown(module.file)) for problem in wrong]
    return sites, problems


def _comments(module: Module, recall: Recall) -> list[Silencer]:
    return recall.found("comments", module, None, lambda: [astuple(one) for one in silencers(module.lines())], read_all)


def _of_handler(found: Problem) -> Problem:
    return replace(found, path=shown(Path(found.path))) if found.code == "Q217" else found


def _script(file: Path) -> list[Site]:
    try:
        return in_script(file, file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return []


def _missing_paths(parsed: Parsed, root: Path, paths: Iterable[Path] | None) -> Iterator[Problem]:
    if paths is not None:
        return
    for index, name in enumerate(parsed.routing.code):
        if not os.path.exists(root / name):
            place = parsed.tree.at("code", index)
            yield problem("Q209", f"`code:` names {name}, which does not exist", ("code",), parsed.tree, place)


def _unreadable(modules: Iterable[Module]) -> Iterator[Problem]:
    for module in modules:
        if module.error:
            message = f"this is not Python: {module.error}"
            yield Problem(code="Q208", message=message, path=shown(module.file), line=module.line)


def _site(site: Site, routing: Routing) -> Iterator[Problem]:
    at = Problem(code="", message="", path=shown(site.file), line=site.line, column=site.column, job=site.job or None)
    if site.missing:
        yield _missing(site, site.missing)
    if site.job and site.job not in routing.routes:
        message = f"{site.job} is dispatched here, but no queue is declared for it under `jobs:`"
        hint = nearest(site.job, routing.routes) or "add it to queues.yaml"
        yield replace(at, code="Q210", message=message, hint=hint)
    if site.queue is None:
        return
    at = replace(at, queue=site.queue)
    if site.queue not in routing.queues:
        message = f"{_goes(site, 'is not declared')}: this dispatch would be refused"
        yield replace(at, code="Q212", message=message, hint=nearest(site.queue, routing.queues))
    elif routing.server(site.queue) is None:
        served = [name for name in routing.queues if routing.server(name)]
        message = f"{_goes(site, 'has no workers')}: this dispatch would be refused"
        yield replace(at, code="Q213", message=message, hint=nearest(site.queue, served))


def _missing(site: Site, what: Absent) -> Problem:
    message = f"{site.why}: what needs it cannot be dispatched"
    path = shown(what.file)
    return Problem(code="Q217", message=message, path=path, line=what.line, column=what.column, hint=what.hint)


def _goes(site: Site, what: str) -> str:
    """Who is sent where, and what is wrong with it."""
    queue = f"queue {site.queue}{_where(site)}"
    return f"{site.job} goes to {queue}, which {what}" if site.job else f"{queue} {what}"


def _where(site: Site) -> str:
    """Where the queue's name is written, when that is not at the site."""
    if site.spelt is None or (site.spelt[0] == site.file and site.line <= site.spelt[1] <= site.end):
        return ""
    file, line = site.spelt
    return f" (written at {shown(file)}:{line})"


def _never_dispatched(parsed: Parsed, found: Iterable[Site]) -> Iterator[Problem]:
    found = list(found)
    dispatched = {site.job for site in found}
    unclear = any(not site.job for site in found)
    hint = "unless a site that cannot be read does" if unclear else ""
    for job, route in parsed.routing.routes.items():
        if job not in dispatched:
            message = f"nothing in the code dispatches {job}"
            place = parsed.tree.key("jobs", job)
            note = problem("Q211", message, ("jobs", job), parsed.tree, place, hint)
            yield replace(note, severity="info", queue=route.queue)
