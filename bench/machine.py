"""What the figures were measured on: without it they say nothing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.arena import Arena
from bench.peers.environment import versions
from bench.server import SETTINGS, flush_milliseconds, shared_buffers
from qsup import __version__


def facts(arena: Arena) -> dict[str, str]:
    """Words for the page, in its order."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} processors ({processor()}), {memory()} GiB, {platform.system()} {release()}",
        "disk": f"one durable write of 8 kB takes {flush_milliseconds(arena.folder):.2f} ms",
        "load": f"{os.getloadavg()[0]:.1f} runnable processes on average in the minute before",
        "PostgreSQL": f"{arena.server.version}; shared_buffers {shared_buffers()} MB, "
        + ", ".join(f"{name} {value}" for name, value in SETTINGS.items()),
        "versions": ", ".join(f"{name} {version}" for name, version in packages().items()),
    }


def packages() -> dict[str, str]:
    """qsup, what it runs on, and the peers."""
    own = {"qsup": __version__, "Python": platform.python_version(), "psycopg": psycopg.__version__}
    return own | versions()


def processor() -> str:
    """Its name for itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory() -> int:
    """GiB, rounded."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def release() -> str:
    """The kernel's first two numbers."""
    return ".".join(platform.release().split(".")[:2])
