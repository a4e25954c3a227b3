"""All dispatch sites below some paths, application by application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qsup.check.php import declared, routes, traps
from qsup.check.php.application import Application, php_files
from qsup.check.php.calls import Calls
from qsup.check.php.found import PhpSite, Resolver
from qsup.check.php.jobs import Jobs
from qsup.check.php.kinds import Kinds
from qsup.check.php.laravel import application
from qsup.check.php.lists import Lists
from qsup.check.php.own import Own
from qsup.check.php.receivers import Receivers
from qsup.check.php.silencers import Silencers
from qsup.check.php.source import File
from qsup.check.php.syntax import ParserMissing, language
from qsup.check.problem import Problem, in_order
from qsup.check.scan import shown


@dataclass(frozen=True, slots=True)
class PhpScan:
    """What PHP code says; the sites in the order of files and lines."""

    sites: tuple[PhpSite, ...] = ()
    problems: tuple[Problem, ...] = ()

    def unverifiable(self) -> tuple[PhpSite, ...]:
        """The sites of which only running the code would tell."""
        return tuple(site for site in self.sites if site.why)


NOTHING = PhpScan()


def scan(paths: Iterable[Path]) -> PhpScan:
    """Read the PHP files at and below `paths`. Never raises for anything in them; without any it reads nothing."""
    files = {file: path for path in reversed(list(paths)) for file in php_files(path)}
    if not files:
        return NOTHING
    try:
        language()
    except ParserMissing as missing:
        message = f"{_count(len(files))} not read: {missing.message}"
        return PhpScan((), (Problem(code="Q405", message=message, hint=missing.hint),))
    scans = [_of(root, members) for root, members in _by_application(files).items()]
    found = sorted(
        (site for one in scans for site in one.sites), key=lambda site: (str(site.file), site.line, site.column)
    )
    return PhpScan(tuple(found), in_order(problem for one in scans for problem in one.problems))


def _count(files: int) -> str:
    return "1 PHP file was" if files == 1 else f"{files:,} PHP files were"


def _by_application(files: Mapping[Path, Path]) -> dict[Path, list[Path]]:
    """The files of each application, by its folder; a file of none belongs with the path that it was found under."""
    roots: dict[Path, Path | None] = {}
    found: dict[Path, list[Path]] = {}
    for file, path in sorted(files.items()):
        folder = file.parent
        if folder not in roots:
            roots[folder] = application(folder)
        around = path if path.is_dir() else folder
        found.setdefault(roots[folder] or around.resolve(), []).append(file)
    return found


def _of(root: Path, paths: list[Path]) -> PhpScan:
    app = Application(root)
    files = [file for file in (app.read(path) for path in paths) if file is not None]
    found, forwards = routes.read(app, files)
    own = Own(app.evaluate, found)
    kinds = Kinds(app, own)
    resolver = Resolver(app, own, forwards)
    for file in files:
        kinds.register(file)
    sites: list[PhpSite] = []
    problems: list[Problem] = []
    for file in files:
        calls, told = _file(file, app, own, kinds, resolver)
        sites += calls
        problems += told
    problems += [app.faults[path] for path in paths if path in app.faults]
    return PhpScan(tuple(sites), tuple(replace(problem, path=shown(Path(problem.path))) for problem in problems))


def _file(
    file: File, app: Application, own: Own, kinds: Kinds, resolver: Resolver
) -> tuple[list[PhpSite], list[Problem]]:
    jobs = Jobs(app, own, file)
    calls = Calls(file, resolver, jobs, Lists(jobs), Receivers(jobs), kinds)
    classes = [one for node in file.nodes.get("class", []) if (one := app.classes.at.get((id(file), node.start_byte)))]
    found = [site for one in classes for site in declared.sites(one, kinds, resolver)]
    found += calls.read()
    problems = [problem for one in classes for problem in traps.of_class(one, app, kinds, own)]
    silencers = Silencers(file, app, kinds, resolver)
    return silencers.applied(found), [*problems, *traps.of_calls(calls), *silencers.problems]
