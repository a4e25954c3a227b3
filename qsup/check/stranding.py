"""What an edit would leave unheard: dispatching code and waiting rows that the new file does not serve.

Read by the child that reads the file for the supervisor: at an edit such findings refuse it, at the start they are
printed and everything else is served (architecture, section 7).
"""

from __future__ import annotations

from pathlib import Path

from qsup.check import rows
from qsup.check.heard import by_file
from qsup.check.php.beside import with_php
from qsup.check.problem import Problem
from qsup.check.scan import scan
from qsup.config import Loaded
from qsup.errors import QsupError


def findings(loaded: Loaded, root: Path, dsn: str) -> list[Problem]:
    """The errors in code and rows. Without a DSN, or while the database is away, rows are not looked at."""
    if loaded.parsed is None or loaded.routing is None:
        return []
    read = with_php(scan(loaded.parsed, root), loaded.parsed, root, None, by_file(loaded.parsed).queues)
    found = [*read.problems, *(_rows(loaded, dsn) if dsn else [])]
    return [problem for problem in found if problem.severity == "error"]


def _rows(loaded: Loaded, dsn: str) -> list[Problem]:
    import psycopg

    from qsup.connect import open_own

    assert loaded.routing is not None  # noqa: S101  findings() has looked
    try:
        with open_own(dsn, role="check") as conn:
            return rows.stranded(loaded.routing, conn)
    except (QsupError, psycopg.Error):
        return []
