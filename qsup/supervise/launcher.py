"""Starting children by exec, each with one end of a socketpair; and the short-lived one that reads queues.yaml.

posix_spawn, because the watcher's thread makes a plain fork unsafe. Each child gets a process group of its own: a
terminal's Ctrl-C reaches the supervisor alone, which then ends the others in order.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsup.channel import Channel
from qsup.reaper import kill
from qsup.rundir import RunDirectory

DEFAULT_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN)
Json = dict[str, Any]
COURIER, TEMPLATE = "qsup.courier", "qsup.template"
LOAD_LIMIT = 30.0
"""Seconds for reading and validating the file."""


@dataclass(slots=True)
class Process:
    """A child with a channel."""

    name: str
    pid: int
    channel: Channel


def launch(name: str, module: str, told: Mapping[str, str]) -> Process:
    """Start `python -m module`; the other end of its channel is ours."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.set_inheritable(True)
        pid = _spawn(module, [], {**told, "QSUP_CHANNEL": str(theirs.fileno())}, [])
    return Process(name, pid, Channel(ours))


def told(run: RunDirectory, config_file: Path) -> dict[str, str]:
    """What every child with a channel finds in its environment."""
    return {"QSUP_RUN": str(run.path), "QSUP_CONFIG": str(config_file)}


def migrate(file: Path, dsn: str) -> int:
    """Start `qsup migrate` on this database; its pid."""
    return _spawn("qsup", ["migrate", "--config", str(file)], {"QSUP_DATABASE_URL": dsn}, [])


def _spawn(module: str, arguments: list[str], told: Mapping[str, str], actions: list[tuple[int, int, int]]) -> int:
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", module, *arguments],
        {**os.environ, **told},
        file_actions=actions,
        setpgroup=0,
        setsigdef=DEFAULT_SIGNALS,
    )


@dataclass(slots=True)
class Reading:
    """One run of `python -m qsup.check.load FILE`: the file can hang or break that process, but not this one."""

    pid: int
    output: int
    deadline: float
    text: bytearray = field(default_factory=bytearray)

    @staticmethod
    def begin(file: Path, now: float, dsn: str = "", *, patient: bool = False) -> Reading:
        """Start it; the DSN of the rows to look at travels through a pipe, which no other user can read.

        `patient`: what the file leaves unheard is not urgent.
        """
        readable, writable = os.pipe()
        try:
            question, asked = os.pipe()
        except OSError:
            os.close(readable)
            os.close(writable)
            raise
        actions = [(os.POSIX_SPAWN_DUP2, writable, 1), (os.POSIX_SPAWN_DUP2, question, 0)]
        try:
            os.write(asked, dsn.encode())
            options = ["--stranding", *(["--patient"] if patient else [])]
            pid = _spawn("qsup.check.load", [*options, str(file)], {}, actions)
        except OSError:
            os.close(readable)
            raise
        finally:
            for descriptor in (writable, question, asked):
                os.close(descriptor)
        os.set_blocking(readable, False)
        return Reading(pid, readable, now + LOAD_LIMIT)

    def answer(self, now: float) -> Json | None:
        """What it printed, once it has ended; None before."""
        if not self._ended(now):
            return None
        os.close(self.output)
        late = now >= self.deadline
        try:
            found = {name: value for line in self.text.splitlines() for name, value in json.loads(line).items()}
        except ValueError:
            found = {}
        # Without the second line nobody knows what it leaves unheard: it must not be applied.
        return found if "findings" in found else _nothing("took too long" if late else "ended without an answer")

    def file(self, now: float) -> Json | None:
        """The first of it, which says all but what is unheard; None before."""
        ended = self._ended(now)
        first, end, _ = self.text.partition(b"\n")
        if end:
            found: Json = json.loads(first)
            return found
        return _nothing("ended without an answer") if ended else None

    def _ended(self, now: float) -> bool:
        while True:
            try:
                data = os.read(self.output, 65536)
            except BlockingIOError:
                if now < self.deadline:
                    return False
                kill(self.pid, signal.SIGKILL)
                data = b""
            if not data:
                return True
            self.text += data


def _nothing(why: str) -> Json:
    return {"routing": None, "problems": [{"severity": "error", "message": f"reading the file {why}"}]}
