"""In which class a place of PHP code stands: what a job dispatches while it runs, it dispatches itself."""

from __future__ import annotations

from pathlib import Path

from qsup.check.php.source import MOST_BYTES, read
from qsup.check.php.syntax import text

Spans = list[tuple[int, int, str]]
"""First and last line of each class of a file, and its name without its namespace."""


def classes(path: Path) -> Spans:
    """The classes of one file; none of a file that cannot be read. Raises ParserMissing."""
    try:
        with path.open("rb") as opened:
            file = read(path, opened.read(MOST_BYTES))
    except OSError:
        return []
    nodes = file.nodes.get("class", [])
    named = [(node, text(node.child_by_field_name("name"))) for node in nodes]
    return sorted((node.start_point[0] + 1, node.end_point[0] + 1, name) for node, name in named if name)


def class_at(spans: Spans, line: int) -> str:
    """The class around a line (PHP has none in another, but those without a name); empty outside of all."""
    return next((name for first, last, name in spans if first <= line <= last), "")
