"""`python -m bench.limits.listener DSN WORKERS`: sleeps until a NOTIFY, claims one job, hands it to an idle child."""

from __future__ import annotations

import select
import sys
from itertools import cycle

import psycopg

from bench.limits.dispatcher import Child, exchange


def main(dsn: str, workers: int) -> None:
    """Until somebody ends it."""
    turn = cycle([Child() for _ in range(workers)])
    conn = psycopg.connect(dsn, autocommit=True, prepare_threshold=0)
    conn.execute("LISTEN jobs")
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    done: list[int] = []
    while True:
        # The last job's end rides with the next claim, so that a pickup never waits for somebody else's flush.
        for row in exchange(conn, done, 1):
            child = next(turn)
            child.give([row])
            done = child.ended()
            break
        else:
            done = []
            poll.poll()
            conn.pgconn.consume_input()
            while conn.pgconn.notifies():
                pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
