"""Ending and burying processes: whole groups, adopted grandchildren, and who has used up its time or memory."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from qsup.board import Record

PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
"""Opened before any worker is forked: each time makes new classes."""


def overdue(records: Iterable[Record], now: float) -> list[Record]:
    """The records whose job is over its hard deadline at `now` (of qsup.board.boottime)."""
    return [record for record in records if 0 < record.deadline <= now and record.pid > 1]


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of init's (Linux only)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_group(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal the whole process group that `pid` leads, if there is one left."""
    # A group's number is taken as long as it has a member, so this never meets a stranger; 0 and 1 would be disasters.
    if pid > 1:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)


def kill(pid: int, number: int) -> None:
    """Signal one process, if it is still there."""
    if pid > 1:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def group_is_empty(pid: int) -> bool:
    """Has the last member of the group that `pid` led been reaped?

    A group whose members all run as another user counts as empty: nobody here could ever end or await them.
    """
    if pid <= 1:
        return True
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return True
    return False


def outlived(pid: int) -> bool:
    """Do members of the group that the dead process `pid` led live on?

    The number stays taken as long as they do, so a living process with it is a stranger.
    """
    if group_is_empty(pid):
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def reap(leads: Callable[[int], bool]) -> Iterator[tuple[int, int]]:
    """Bury every child that has died: (pid, status as of os.waitstatus_to_exitcode).

    What is left of the group of a pid that `leads` one is killed before the pid is given back to the kernel, so that
    the number cannot belong to somebody else yet.
    """
    while (pid := _dead_child()) is not None:
        if leads(pid):
            kill_group(pid)
        _, status = os.waitpid(pid, 0)
        yield pid, os.waitstatus_to_exitcode(status)


def _dead_child() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def has_children() -> bool:
    """Has this process any child, alive or unburied?"""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, unburied ones included; empty where the system does not say."""
    parents = _parents()
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def end_descendants(pid: int) -> None:
    """Kill and bury all processes below this one, which is a subreaper: those that escape by their parent's death too.

    Returns when the last one is gone.
    """
    while has_children():
        for one in descendants(pid):
            kill(one, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


def emptied(leader: int, family: Container[int]) -> bool:
    """Kill what is left of the group that `leader` led, and what had left it; true when nothing is left.

    `family` are the children that this process, a subreaper, has of its own: every other child is an orphan of `leader`
    or of another worker that has died, since each living worker is the reaper of its own.
    """
    try:
        strays = [child for child in children() if child not in family and child != leader]
    except OSError:
        # No descriptor is left to look with: the group is all that can be known.
        strays = []
    for stray in strays:
        kill(stray, signal.SIGKILL)
    if group_is_empty(leader):
        return not strays
    kill_group(leader)
    return False


def children() -> list[int]:
    """The children of this process, unburied ones included; empty where the system does not say."""
    return [child for child, parent in _parents().items() if parent == os.getpid()]


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            # After the name in brackets, which may hold anything: the state, then the parent.
            found[int(entry.name)] = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
    return found


def peak() -> int:
    """Bytes of the most memory that this process ever had resident; at a fork it begins with what it has then."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def resident(pid: int) -> int:
    """Bytes of resident memory: cheap to ask (10 µs), and never less than the PSS; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def exceeds(pid: int, limit: int) -> bool:
    """Whether it uses more memory (PSS) than so many bytes."""
    return resident(pid) > limit and pss(pid) > limit


def pss(pid: int) -> int:
    """Bytes of memory, shared pages divided among those who share them; 0 where the system does not say."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def first_to_go(pid: int) -> None:
    """When memory runs out, let the kernel end this process before the supervisor and the database."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("500")
