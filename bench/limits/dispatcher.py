"""`python -m bench.limits.dispatcher DSN WORKERS AHEAD`: claims for all of its children, who get jobs over socketpairs.

AHEAD 0: no child has more than one job, and no job is handed out before the end of the child's last one is durable.
AHEAD n: n more jobs wait in each child's socket, a hundred in the dispatcher, and ends are recorded by the batch.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
from collections import deque
from typing import Any

import psycopg

from bench.apps.mark import mark
from bench.limits.table import END, TAKE

HEAD = struct.Struct("<QI")
"""The row's id and the length of the payload."""
END_OF_JOB = struct.Struct("<Q")
BATCH = 100


class Child:
    """A worker, from the dispatcher's side."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.jobs = 0
        if os.fork() == 0:
            self.socket.close()
            serve(theirs)
        theirs.close()

    def give(self, rows: list[tuple[int, str]]) -> None:
        """Hand jobs out."""
        self.socket.sendall(b"".join(HEAD.pack(number, len(text)) + text.encode() for number, text in rows))
        self.jobs += len(rows)

    def ended(self) -> list[int]:
        """The jobs that it says it has done."""
        found = [number for (number,) in END_OF_JOB.iter_unpack(self.socket.recv(4096 * END_OF_JOB.size))]
        self.jobs -= len(found)
        return found


def serve(parent: socket.socket) -> None:
    """A worker's life. Never returns."""
    jobs = parent.makefile("rb")
    while len(head := jobs.read(HEAD.size)) == HEAD.size:
        number, length = HEAD.unpack(head)
        mark(json.loads(jobs.read(length))["i"])
        parent.sendall(END_OF_JOB.pack(number))
    os._exit(0)


def main(dsn: str, workers: int, ahead: int) -> None:
    """Until somebody ends it."""
    # Forked before there is a connection that they would inherit.
    children = {child.socket.fileno(): child for child in (Child() for _ in range(workers))}
    poll = select.epoll()
    for descriptor in children:
        poll.register(descriptor, select.EPOLLIN)
    conn = psycopg.connect(dsn, autocommit=True, prepare_threshold=0)
    (look_ahead if ahead else strictly)(conn, children, poll, ahead)


def strictly(conn: psycopg.Connection[Any], children: dict[int, Child], poll: select.epoll, _ahead: int) -> None:
    """Claim exactly as many jobs as children are free; their last ends ride in the same commit."""
    done: list[int] = []
    while True:
        free = [child for child in children.values() if not child.jobs]
        for descriptor, _ in poll.poll(0 if free else None):
            done += children[descriptor].ended()
        free = [child for child in children.values() if not child.jobs]
        if free:
            rows = exchange(conn, done, len(free))
            done = []
            for child, row in zip(free, rows, strict=False):
                child.give([row])


def look_ahead(conn: psycopg.Connection[Any], children: dict[int, Child], poll: select.epoll, ahead: int) -> None:
    """Claim a hundred whenever fewer are left than the children can hold."""
    done: list[int] = []
    ready: deque[tuple[int, str]] = deque()
    while True:
        if len(ready) <= len(children) * (ahead + 1):
            ready.extend(exchange(conn, done, BATCH))
            done = []
            for child in children.values():
                feed(child, ready, ahead)
        for descriptor, _ in poll.poll(1):
            done += children[descriptor].ended()
            feed(children[descriptor], ready, ahead)


def feed(child: Child, ready: deque[tuple[int, str]], ahead: int) -> None:
    """Fill its socket up to one running and `ahead` waiting jobs."""
    count = min(len(ready), ahead + 1 - child.jobs)
    if count > 0:
        child.give([ready.popleft() for _ in range(count)])


def exchange(conn: psycopg.Connection[Any], done: list[int], count: int) -> list[tuple[int, str]]:
    """End what is done and take so many: one round trip, one commit, one flush."""
    with conn.pipeline():
        if done:
            conn.execute(END, {"done": done, "worker": 1})
        taken = conn.execute(TAKE, {"worker": 1, "count": count})
    return taken.fetchall()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
