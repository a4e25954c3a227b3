"""Processes: started together, looked at in /proc (Linux), and ended by their pids."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of <linux/prctl.h>."""
TICK = os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """From now on, what the contestants leave behind becomes a child of this process, where it is found and ended."""
    ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


class Fleet:
    """All processes of one contestant."""

    def __init__(self, commands: Iterable[Command], log: Path) -> None:
        self.log = log
        self._spared = set(children(os.getpid()))
        self.launched = time.time_ns()
        with log.open("wb") as out:
            self.started = [_start(command, out.fileno()) for command in commands]

    def alive(self) -> bool:
        """Whether any of the started programs runs."""
        return any(process.poll() is None for process in self.started)

    def pids(self) -> list[int]:
        """Every living process of the fleet, also one that has lost its parent."""
        ours = [pid for pid in children(os.getpid()) if pid not in self._spared]
        return [pid for one in ours for pid in tree(one)]

    def stop(self) -> None:
        """Kill every process of it, and those that it starts meanwhile: its database goes too, nothing is lost."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._bury(pids)

    def end_of_log(self, size: int = 2000) -> str:
        """What they said last."""
        return self.log.read_text(errors="replace")[-size:]

    def _bury(self, pids: Iterable[int]) -> None:
        for process in self.started:
            process.poll()
        for pid in set(pids) & set(children(os.getpid())):
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _start(command: Command, out: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  the bench's own command lines
        list(command.arguments),
        env=dict(command.environment),
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=out,
        start_new_session=True,
    )


def children(pid: int) -> list[int]:
    """Its children that are not dead."""
    with suppress(OSError):
        found = [task / "children" for task in Path(f"/proc/{pid}/task").iterdir()]
        return [int(one) for path in found for one in path.read_text().split() if _state(int(one)) not in {"Z", ""}]
    return []


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    return [pid, *(each for child in children(pid) for each in tree(child))]


def memory(pids: Iterable[int]) -> float:
    """Their proportional set size in MiB: pages that several share count once."""
    return sum(_pss(pid) for pid in pids) / 1024


def cpu_seconds(pids: Iterable[int]) -> float:
    """The processor time that they have used."""
    return sum(_ticks(pid) for pid in pids) / TICK


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ticks(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[11]) + int(fields[12]) if fields else 0


def _state(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    """The fields behind the command's name; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
