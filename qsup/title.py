"""What a forked process is called: its parent's command line is its own too, until it writes another over it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ARGUMENTS_BEGIN, ARGUMENTS_END = 45, 46
"""Places in /proc/PID/stat, counted from behind the name (proc(5), fields 48 and 49)."""


def rename(arguments: Sequence[str]) -> None:
    """Be shown with this command line, as much of it as there is room for; nothing where there is no /proc."""
    begin, room = _place()
    if room > 1:
        text = "\0".join(arguments).encode(errors="surrogateescape")[: room - 1]
        ctypes.memmove(begin, text.ljust(room, b"\0"), room)


@cache
def _place() -> tuple[int, int]:
    # Where the kernel looks for it, and how many bytes there are: the same in all forks of a process.
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return 0, 0
    begin, end = int(fields[ARGUMENTS_BEGIN]), int(fields[ARGUMENTS_END])
    return begin, (end - begin if begin else 0)
