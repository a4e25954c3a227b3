"""The server's programs at work: initdb, postgres, and which process is the postmaster."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from qsup.embedded.account import process_options, run
from qsup.embedded.binaries import Binaries
from qsup.embedded.place import SOCKET_NAME, Place
from qsup.embedded.surroundings import USER
from qsup.errors import QsupError

LOG_LIMIT = 1_000_000

# Popen objects of servers that this process started: without them a dead one would stay a zombie.
_started: dict[Path, subprocess.Popen[bytes]] = {}


def postmaster_pid(place: Place) -> int:
    """The pid of the postmaster of these data, 0 if there is none: postmaster.pid alone may name anybody by now."""
    try:
        pid = int((place.data / "postmaster.pid").read_text().split("\n")[0])
    except (OSError, ValueError):
        return 0
    return pid if _works_in(pid, place.data) else 0


def reap(place: Place) -> None:
    """Take notice of the end of a server that this process started."""
    process = _started.get(place.data)
    if process is not None and process.poll() is not None:
        del _started[place.data]


def major_of(data: Path) -> int | None:
    """The major version that these data need; None when there are none. Raises QsupError."""
    try:
        return int((data / "PG_VERSION").read_text().split(".")[0])
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise QsupError(f"{data} is not a PostgreSQL data directory: {error}") from None


def initialize(place: Place, binaries: Binaries, alive: int) -> None:
    """Make the data directory: complete or absent. Raises QsupError."""
    for unfinished in place.folder.glob("data.new-*"):
        shutil.rmtree(unfinished)
    fresh = place.folder / f"data.new-{os.getpid()}"
    # trust, because the socket's directory is 0700: who can open it could read the data as well. Never with TCP.
    command: list[str | Path] = [
        binaries.folder / "initdb",
        "-D",
        fresh,
        "-U",
        USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
    ]
    if binaries.major >= 16:
        command += ["-c", "dynamic_shared_memory_type=mmap"]
    # An initdb whose parent was killed works on: the next start waits for it, by the lock that it inherits.
    answer = run(place.account, command, cwd=place.folder, pass_fds=[alive])
    if answer.returncode:
        raise QsupError(
            f"initdb of PostgreSQL {binaries.version} ({binaries.folder}) failed in {place.folder}:\n"
            + _indented(answer.stdout),
            hint="Free space on that disk and in /dev/shm is the first thing to look at.",
        )
    fresh.rename(place.data)


def remove_leftovers(place: Place) -> None:
    """What a server that is gone left behind. Call it with alive.lock held."""
    # PostgreSQL refuses to start when the old pid is a zombie or somebody else's by now; alive.lock knows better.
    for leftover in (
        place.data / "postmaster.pid",
        place.sockets / SOCKET_NAME,
        place.sockets / f"{SOCKET_NAME}.lock",
    ):
        leftover.unlink(missing_ok=True)
    if place.log.exists() and place.log.stat().st_size > LOG_LIMIT:
        place.log.replace(place.log.with_suffix(".log.1"))


def launch(place: Place, binaries: Binaries, alive: int) -> subprocess.Popen[bytes]:
    """Start postgres; it holds the descriptor `alive` as long as one of its processes lives."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(place.sockets),
        "unix_socket_permissions": "0700",
        "cluster_name": "qsup",
        # Not /dev/shm: containers have little of it, and systemd-logind's RemoveIPC empties it at logout.
        "dynamic_shared_memory_type": "mmap",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with place.log.open("ab") as log:
        if place.account.owner is not None:
            os.fchown(log.fileno(), *place.account.owner)
        process = subprocess.Popen(  # noqa: S603  the command is a list that qsup puts together, no shell
            [str(binaries.folder / "postgres"), "-D", str(place.data), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.folder,
            pass_fds=[alive],
            start_new_session=True,  # Ctrl-C in the terminal must not reach it: workers drain first
            **process_options(place.account),
        )
    _started[place.data] = process
    return process


def log_end(place: Place) -> str:
    """The last lines of the server's log, indented."""
    return _indented(place.log.read_text(errors="replace"))


def _works_in(pid: int, data: Path) -> bool:
    """A postmaster's working directory is its data directory."""
    try:
        if Path("/proc/self/cwd").exists():
            return Path(f"/proc/{pid}/cwd").readlink() == data
    except PermissionError:
        # Root in a container without CAP_SYS_PTRACE, Docker's default, may not look at other users' processes so.
        return os.fsencode(data) in _bytes_of(Path(f"/proc/{pid}/cmdline"))
    except OSError:
        return False
    try:
        command = ["ps", "-o", "command=", "-p", str(pid)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  a number
    except OSError:
        return False
    return str(data) in answer.stdout


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-10:])
