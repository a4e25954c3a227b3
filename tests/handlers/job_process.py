"""A worker of its own process, to be killed: `python -m tests.handlers.job_process QUEUE`, with the DSN on stdin."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from qsup.check.load import load_or_raise
from tests.handlers.hotspot import Hotspot

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Run what is ready in the queue."""
    dsn = sys.stdin.readline().strip()
    with psycopg.connect(dsn, autocommit=True) as db:
        Hotspot(dsn, load_or_raise(ROOT / "queues.yaml", {}), db).run(sys.argv[1])


if __name__ == "__main__":
    main()
