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
    told: list[psycopg.Notify] = []
    conn.add_notify_handler(told.append)
    done: list[int] = []
    while True:
        told.clear()
        # The last job's end rides with the next claim, so that a pickup never waits for somebody else's flush.
        rows = exchange(conn, done, 1)
        done = []
        if rows:
            child = next(turn)
            child.give(rows)
            done = child.ended()
        elif not told:
            # What was told during the claim is read already: the socket would stay quiet for ever.
            poll.poll()
            conn.pgconn.consume_input()
            while conn.pgconn.notifies():
                pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
