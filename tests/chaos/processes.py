"""The processes of a run, found in /proc (Linux) by the mark in their environment or by their working directory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

MARK = "CHAOS_FOLDER"
"""Every process that comes from the supervisor has it; PostgreSQL works in the folder."""


def ours(folder: Path) -> dict[int, str]:
    """Pid → command line of every living process of the run."""
    return {pid: title(pid) for pid in _pids() if pid != os.getpid() and is_ours(pid, folder)}


def is_ours(pid: int, folder: Path) -> bool:
    """Whether the pid still is a process of the run."""
    mark = f"{MARK}={folder}".encode()
    return _works_in(pid, folder) or any(one.startswith(mark) for one in _read(pid, "environ").split(b"\0"))


def zombies(parents: Iterable[int]) -> set[int]:
    """Dead children that these have not buried."""
    wanted = set(parents)
    return {pid for pid in _pids() for state, parent in [_status(pid)] if state == "Z" and parent in wanted}


def children(parent: int) -> list[int]:
    """Living children."""
    return [pid for pid in _pids() for state, its in [_status(pid)] if its == parent and state != "Z"]


def title(pid: int) -> str:
    """Its command line, as it shows itself."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def send(pids: Iterable[int], number: int) -> None:
    """A signal to each of them that is still there."""
    for pid in pids:
        if pid > 1:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def kill_all(folder: Path) -> None:
    """kill -9 to every process of the run, once."""
    send(ours(folder), signal.SIGKILL)


def reap_adopted(spared: set[int]) -> int:
    """Bury what the killed left to us (we are the subreaper), never those whose exit status somebody waits for."""
    count = 0
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return count
        if found is None or found.si_pid in spared:
            return count
        os.waitpid(found.si_pid, 0)
        count += 1


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _status(pid: int) -> tuple[str, int]:
    """State letter and parent; ("", 0) for one that is gone."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[1])) if len(fields) > 1 else ("", 0)
