"""Who dispatches, where there is no queues.yaml to ask: the sites of Python and PHP code, and Laravel's connections.

The one place at which the reader of PHP code is called for supervisord files; it is an extra and may not be there.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qsup.check.problem import Problem
from qsup.check.python.classes import Classes
from qsup.check.python.evaluate import Evaluator
from qsup.check.sites import Site, sites
from qsup.check.source import SKIPPED, Sources, python_files
from qsup.check.supervisord.listeners import Connections

Found = tuple[tuple[Site, ...], tuple[Problem, ...]]


def producers(paths: Sequence[Path], root: Path) -> Found:
    """Every dispatch site below `paths`, Python's and PHP's; and what could not be read."""
    python, php = _python(paths, root), php_sites(paths, root)
    return (*python, *php[0]), php[1]


def _python(paths: Sequence[Path], root: Path) -> tuple[Site, ...]:
    sources = Sources(root)
    evaluator = Evaluator(sources)
    files = list(dict.fromkeys(file for path in paths for file in python_files(path)))
    modules = [sources.read(file) for file in files]
    return tuple(sites(modules, evaluator, Classes(evaluator, modules), ()))


def php_sites(paths: Sequence[Path], root: Path) -> Found:
    """The sites of PHP files; without the reader of PHP each file is told as not verifiable."""
    if find_spec("qsup.check.php") is None:
        why = "this qsup cannot read PHP"
        return tuple(Site(file=file, line=1, column=1, why=why) for file in _php_files(paths)), ()
    found: Any = importlib.import_module("qsup.check.php")
    told, problems = found.scan(paths, root)
    return tuple(told), tuple(problems)


def connections(paths: Iterable[Path]) -> Connections:
    """What config/queue.php of the application around `paths` says; nothing when there is none, or no reader."""
    if find_spec("qsup.check.php") is None:
        return Connections()
    laravel: Any = importlib.import_module("qsup.check.php.laravel")
    roots = (laravel.application(path) for path in paths)
    found: list[Any] = [laravel.connections(root) for root in roots if root is not None]
    known: dict[str, Any] = next((dict(one) for one in found if one), {})
    return Connections(
        default=next((name for name, one in known.items() if one.default), ""),
        queues={name: one.queue for name, one in known.items()},
        retry_after={name: float(one.retry_after) for name, one in known.items() if one.retry_after is not None},
    )


def _php_files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file() and path.suffix == ".php":
            yield path
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
            yield from (Path(folder, name) for name in sorted(names) if name.endswith(".php"))
