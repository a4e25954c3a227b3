"""Which database a program of the hotspot works with: a DSN may hold a password, so it is never an argument."""

from __future__ import annotations

import os
import sys


def given_dsn(command: str) -> str:
    """The DSN on stdin, else DATABASE_URL; empty when there is none, and stderr says how to give one to `command`."""
    dsn = "" if sys.stdin.isatty() else sys.stdin.readline().strip()
    dsn = dsn or os.environ.get("DATABASE_URL", "")
    if not dsn:
        print(f"Which database? Try: qsup db url | python -m {command}", file=sys.stderr)
    return dsn
