"""`qsup …` as a person calls it, in a folder with a queues.yaml and with a database of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests import forked

Qsup = Callable[..., "subprocess.CompletedProcess[str]"]

FILE = """\
version: 1
queues:
  notes: {workers: 1}
  other: {workers: 2, keep: 7d}
jobs:
  Note: {queue: notes, handler: jobs:note}
"""


def qsup_in(folder: Path, dsn: str) -> Qsup:
    """`qsup("migrate", "--check")`; `stdin` is what it reads."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return forked.run(*arguments, cwd=folder, env={**os.environ, "QSUP_DATABASE_URL": dsn}, stdin=stdin)

    return run
