"""What the tests of the embedded server do and look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from qsup import embedded


class User:
    """One run of user.py."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "user.py"), str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )

    def answer(self) -> Any:
        """Its next line."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def stop(self) -> bool:
        """Tell it to stop the server unless others use it."""
        assert self.process.stdin is not None
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        return bool(self.answer())

    def kill(self) -> None:
        """kill -9, and its pipes closed."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def using(home: Path) -> Iterator[embedded.Server]:
    """This process uses the server, and stops it."""
    server = embedded.ensure(home)
    try:
        yield server
    finally:
        assert server.stop_if_unused()


def remember(dsn: str, word: str) -> None:
    """Write something that must survive."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS memory")
        connection.execute("CREATE TABLE memory (word text)")
        connection.execute("INSERT INTO memory VALUES (%s)", [word])


def remembered(dsn: str) -> str:
    """What `remember` wrote."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT word FROM memory").fetchone()
    assert row
    return str(row[0])


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder, with their contents."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
