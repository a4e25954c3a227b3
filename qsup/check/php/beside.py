"""PHP code beside a queues.yaml: what `qsup validate` and an edit of the file say about both languages together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from qsup.check.php.compare import against_routes, unheard
from qsup.check.php.scan import scan
from qsup.check.problem import in_order
from qsup.check.scan import Scan
from qsup.config import Parsed


def with_php(read: Scan, parsed: Parsed, root: Path, paths: Iterable[Path] | None, heard: Mapping[str, str]) -> Scan:
    """`read`, and what the PHP files among `paths` (None: the file's `code:`, seen from `root`) say.

    `heard`: queue → where it is listened to.
    """
    routing = parsed.routing
    php = scan([root / name for name in routing.code] if paths is None else paths)
    if not php.sites and not php.problems:
        return read
    dispatched = {site.job for site in php.sites}
    # "Nothing dispatches it" is Python's answer alone; PHP may.
    known = [problem for problem in read.problems if problem.code != "Q211" or problem.job not in dispatched]
    problems = [*known, *php.problems, *unheard(php.sites, heard), *against_routes(php.sites, routing.routes)]
    return Scan(in_order(problems), (*read.sites, *php.sites))
