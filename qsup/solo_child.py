"""The child of `qsup worker`, and the identity that outlives both."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import signal
import socket
import sys
import traceback
import uuid
from dataclasses import dataclass

from qsup import reaper
from qsup.board import Board
from qsup.channel import Channel
from qsup.courier.peers import Peer
from qsup.errors import QsupError
from qsup.lines import LineWriter
from qsup.messages import Fork
from qsup.routing import Queue
from qsup.rundir import RunDirectory, private_directory
from qsup.wake import WakePipe
from qsup.worker import Worker

PR_SET_PDEATHSIG = 1
MOST_WORKERS = 1000


@dataclass(slots=True, eq=False)
class Child:
    """The process that runs handlers."""

    pid: int
    peer: Peer
    status: int | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A number of a queue in this project, its supervisor id and its one-record board."""

    queue: str
    number: int
    supervisor: str
    board: Board
    lock: int
    """The descriptor that holds the number. The child inherits it: the number is free when both are dead."""

    @property
    def slot(self) -> str:
        """The slot's address."""
        return f"{self.queue}:{self.number}"

    @staticmethod
    def take(run: RunDirectory, queue: str) -> Identity:
        """The lowest number that nobody holds. Raises QsupError when there is none."""
        folder = run.path / "solo"
        private_directory(folder)
        for number in range(MOST_WORKERS):
            descriptor = os.open(folder / f"{queue}-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            supervisor = _remembered(descriptor)
            board = Board.create(folder / f"{queue}-{number}.board", supervisor)
            return Identity(queue, number, supervisor, board, descriptor)
        raise QsupError(f"{MOST_WORKERS} workers of {queue} run in this project already")

    def fork(self, queue: Queue, wake: WakePipe, connection: int) -> Child:
        """Start the child; `connection` is the descriptor of our database connection, which it must not touch."""
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            ours.close()
            wake.forget()
            if connection >= 0:
                os.close(connection)
            self._live(queue, Channel(theirs), parent)
        theirs.close()
        return Child(pid, Peer(Channel(ours), pid, self.slot))

    def _live(self, queue: Queue, channel: Channel, parent: int) -> None:
        code = 1
        try:
            os.setpgid(0, 0)
            die_with(parent)
            reaper.first_to_go(os.getpid())
            sys.stdout, sys.stderr = LineWriter(1, self.slot), LineWriter(2, self.slot)
            fork = Fork(self.slot, 0, queue.memory, queue.max_time, queue.max_jobs)
            worker = Worker(fork, self.board, channel)
            # supervisord's stopasgroup sends TERM to everybody; who stops the child is its parent, by message.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            code = worker.run()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It died before the kernel was told.
        os._exit(1)


def _remembered(descriptor: int) -> str:
    found = os.pread(descriptor, 64, 0).decode(errors="replace").strip()
    if re.fullmatch("[0-9a-f]{32}", found):
        return found
    fresh = uuid.uuid4().hex
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, fresh.encode(), 0)
    return fresh
