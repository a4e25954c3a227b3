"""The statements, one to a file: `text("promote")` is the content of promote.sql."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def text(name: str) -> bytes:
    """The statement, as psycopg takes it."""
    return (FOLDER / f"{name}.sql").read_bytes()


def names() -> list[str]:
    """All statements there are."""
    return sorted(path.stem for path in FOLDER.glob("*.sql"))
