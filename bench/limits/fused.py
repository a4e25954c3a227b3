"""`python -m bench.limits.fused DSN WORKERS`: each worker ends its last job and takes the next in one statement."""

from __future__ import annotations

import json
import os
import sys

import psycopg

from bench.apps.mark import mark
from bench.limits.table import END_AND_TAKE


def main(dsn: str, workers: int) -> None:
    """Until somebody ends them."""
    for number in range(1, workers + 1):
        if os.fork() == 0:
            serve(dsn, number)
    for _ in range(workers):
        os.wait()


def serve(dsn: str, number: int) -> None:
    """One worker. Never returns before the table is empty."""
    conn = psycopg.connect(dsn, autocommit=True, prepare_threshold=0)
    done: list[int] = []
    while row := conn.execute(END_AND_TAKE, {"done": done, "worker": number, "count": 1}).fetchone():
        mark(json.loads(row[1])["i"])
        done = [row[0]]
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
