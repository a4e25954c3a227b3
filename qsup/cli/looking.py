"""What `qsup validate` judges and `qsup graph` draws: the file, the code and the programs, read once and alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qsup.check.cache import Cache, opened
from qsup.check.findings import answered
from qsup.check.load import load
from qsup.check.php.beside import with_php
from qsup.check.problem import Problem, in_order
from qsup.check.producers import connections, producers
from qsup.check.scan import Scan, scan
from qsup.check.skim import Skim, cores
from qsup.check.supervisord.compare import softened
from qsup.check.supervisord.survey import Survey, against_code, against_file, by_horizon, survey
from qsup.config import Loaded, Parsed

NOTHING_READ = Scan((), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was read, and everything that is wrong with it."""

    loaded: Loaded | None
    """queues.yaml; None where there is none."""
    found: Survey
    """The programs of supervisord files, or what Horizon's configuration listens to."""
    read: Scan
    """The code of both languages; nothing when queues.yaml has errors of its own."""
    problems: tuple[Problem, ...]

    @property
    def sound(self) -> Parsed | None:
        """What queues.yaml says; None where there is none, and when it has errors."""
        return self.loaded.parsed if self.loaded and self.loaded.routing else None

    @property
    def heard(self) -> tuple[str, ...]:
        """The queues that somebody listens to: workers of the file, and programs."""
        return tuple(self.found.heard(self.sound).queues)


def beside_a_file(file: Path, code: Sequence[Path], supervisor: Sequence[Path], *, cached: bool = True) -> Look:
    """Read queues.yaml, the `code` (or what its `code:` names) and the programs of the `supervisor` files.

    Without `cached` every file is read anew, and nothing is kept for the next time.
    """
    loaded = load(file, os.environ)
    found = look(supervisor, code)
    read = NOTHING_READ
    if loaded.routing and loaded.parsed:
        skim = Skim(opened(file.parent, os.environ) if cached else Cache(), cores())
        read = scan(loaded.parsed, file.parent, code or None, skim)
        skim.cache.save(whole=not code)
        read = with_php(read, loaded.parsed, file.parent, code or None, found.heard(loaded.parsed).queues)
    told = beside(found, loaded, read) if supervisor else read.problems
    own = answered(loaded.problems, {site.queue for site in read.sites})
    return Look(loaded=loaded, found=found, read=read, problems=(*own, *told))


def without_a_file(supervisor: Sequence[Path], code: Sequence[Path]) -> Look:
    """Compare the programs of the `supervisor` files (without files, Horizon's) with the `code`."""
    found = look(supervisor, code) if supervisor else by_horizon(connections(code))
    produced = producers(code, Path.cwd())
    problems = in_order([*found.problems, *against_code(found, produced)])
    return Look(loaded=None, found=found, read=Scan(problems, produced.sites), problems=problems)


def look(files: Sequence[Path], paths: Sequence[Path]) -> Survey:
    """The programs of `files`; `paths` is code that may belong to the same application."""
    return survey(files, os.environ, connections([*paths, *files]))


def beside(found: Survey, loaded: Loaded, read: Scan) -> tuple[Problem, ...]:
    """The problems of the code, and what the programs say against queues.yaml."""
    judged = tuple(softened(problem, found.found.listeners) for problem in read.problems)
    if loaded.routing is None or loaded.parsed is None:
        return (*judged, *found.problems)
    return (*judged, *found.problems, *against_file(found, read.sites, loaded.parsed))
