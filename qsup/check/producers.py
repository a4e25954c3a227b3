"""Who dispatches, where there is no queues.yaml to ask: the sites of Python and PHP code, and Laravel's connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsup.check.php import laravel
from qsup.check.php.horizon import horizon
from qsup.check.php.scan import NOTHING, PhpScan
from qsup.check.php.scan import scan as scan_php
from qsup.check.problem import Problem
from qsup.check.scan import Scan, scan
from qsup.check.sites import Site
from qsup.check.supervisord.listeners import Connections
from qsup.config import parse

OF_THE_CODE = ("Q208", "Q214", "Q216", "Q217")
"""What is wrong with Python code whatever queues.yaml says: it cannot be read, a comment or a name in it is
wrong."""


NO_PYTHON = Scan((), ())


@dataclass(frozen=True, slots=True)
class Produced:
    """What the code of both languages says."""

    python: Scan = NO_PYTHON
    php: PhpScan = NOTHING

    @property
    def sites(self) -> tuple[Site, ...]:
        """All of them."""
        return (*self.python.sites, *self.php.sites)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of the reading."""
        return (*self.python.problems, *self.php.problems)


def producers(paths: Sequence[Path], root: Path) -> Produced:
    """Every dispatch site below `paths`; `root` is where Python's imports begin."""
    return Produced(_python(paths, root), scan_php(paths)) if paths else Produced()


def _python(paths: Sequence[Path], root: Path) -> Scan:
    """As beside a queues.yaml that declares nothing; what would be missing in it is no problem here."""
    found = scan(parse("version: 1\nqueues: {}\n", "", {}), root, paths)
    return Scan(tuple(problem for problem in found.problems if problem.code in OF_THE_CODE), found.sites)


def connections(paths: Iterable[Path]) -> Connections:
    """What the application around `paths` says of its queue workers; nothing when there is none.

    Of several applications it is the first that has a config/queue.php, and the first that has a config/horizon.php.
    """
    roots = [root for root in dict.fromkeys(laravel.application(path) for path in paths) if root is not None]
    known: Mapping[str, laravel.Connection] = next((one for root in roots if (one := laravel.connections(root))), {})
    return Connections(
        default=next((name for name, one in known.items() if one.default), ""),
        queues={name: one.queue for name, one in known.items()},
        retry_after={name: float(one.retry_after) for name, one in known.items() if one.retry_after is not None},
        horizon=next((plan for root in roots if (plan := horizon(root))), None),
    )
