"""The life of one server: initdb, start, see, stop. Callers hold start.lock around everything that changes it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from enum import Enum
from pathlib import Path

import psycopg
from psycopg import sql

from qsup.embedded import locks
from qsup.embedded.account import process_options, run
from qsup.embedded.binaries import Binaries, find_binaries
from qsup.embedded.place import SOCKET_NAME, Place
from qsup.embedded.surroundings import DATABASE, USER, clean_environment, dsn_of
from qsup.errors import DatabaseUnavailable, QsupError

# Crash recovery replays the log since the last checkpoint: at most max_wal_size (1 GB), well under this.
START_SECONDS = 120.0
FAST_STOP_SECONDS = 20.0
LOG_LIMIT = 1_000_000

# Popen objects of servers that this process started: without them a dead one would stay a zombie.
_started: dict[Path, subprocess.Popen[bytes]] = {}


class State(Enum):
    """What answers on the socket."""

    ABSENT = "absent"
    WAIT = "starting up or shutting down"
    NO_DATABASE = "without the database qsup"
    UP = "up"


def look(place: Place) -> State:
    """The state of the server. Raises DatabaseUnavailable when it answers with something unexpected."""
    if not _listening(place):
        return State.ABSENT
    try:
        connect(place, DATABASE).close()
    except psycopg.OperationalError as error:
        return _state_of(place, str(error))
    return State.UP


def connect(place: Place, dbname: str) -> psycopg.Connection:
    """A connection of qsup's own to the server, untouched by PG* variables."""
    with clean_environment():
        return psycopg.connect(
            dsn_of(place, dbname), autocommit=True, connect_timeout=10, application_name="qsup:embedded"
        )


def settle(place: Place) -> State:
    """The state of the server once it is neither starting nor stopping."""
    deadline = time.monotonic() + START_SECONDS
    while (state := look(place)) is State.WAIT:
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL in {place.folder} is {state.value} for {START_SECONDS:.0f} s",
                hint=f"See {place.log}.",
            )
        time.sleep(0.02)
    return state


def start(place: Place) -> None:
    """Start the server on its data, which are made if they are missing. Raises QsupError."""
    binaries = find_binaries(place.account, _major_of(place.data))
    reap(place)
    with _nobody_alive(place) as alive:
        if not place.data.exists():
            _initialize(place, binaries, alive.descriptor)
        _remove_leftovers(place)
        process = _launch(place, binaries, alive.descriptor)
    _started[place.data] = process
    place.write_facts({"pid": process.pid, "version": binaries.version, "origin": binaries.origin})
    _wait_until_up(place, process)


def create_database(place: Place) -> None:
    """Make the database `qsup` if it is missing."""
    with connect(place, "postgres") as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def stop(place: Place) -> None:
    """Stop the server: running transactions are rolled back, then it is killed the hard way. Raises QsupError."""
    for number, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, 10.0)):
        pid = postmaster_pid(place)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if _wait_until_gone(place, seconds):
            return
    raise QsupError(f"the embedded PostgreSQL in {place.folder} does not stop", hint=f"See {place.log}.")


def is_alive(place: Place) -> bool:
    """Whether the postmaster lives. Cheap: no connection."""
    reap(place)
    return locks.is_held(place.alive_lock) and postmaster_pid(place) != 0


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


def _listening(place: Place) -> bool:
    if not place.has_own_sockets():
        return False
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(place.sockets / SOCKET_NAME))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def _state_of(place: Place, error: str) -> State:
    # The server's messages are English: it runs with lc_messages=C. psycopg has no SQLSTATE for failed connections.
    if "the database system is" in error:
        return State.WAIT
    if f'database "{DATABASE}" does not exist' in error:
        return State.NO_DATABASE
    if "too many clients" in error or "remaining connection slots" in error:
        return State.UP
    if not _listening(place) or "server closed the connection" in error:
        return State.WAIT
    raise DatabaseUnavailable(f"the embedded PostgreSQL in {place.folder}: {error}", hint=f"See {place.log}.")


def _major_of(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text().split(".")[0])
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise QsupError(f"{data} is not a PostgreSQL data directory: {error}") from None


def _initialize(place: Place, binaries: Binaries, alive: int) -> None:
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


def _nobody_alive(place: Place) -> locks.Lock:
    """alive.lock, which is free only when every process of the last server is gone."""
    if (pid := postmaster_pid(place)) and not locks.is_held(place.alive_lock):
        raise QsupError(
            f"a PostgreSQL that qsup did not start (pid {pid}) runs on {place.data}", hint="Stop it, then try again."
        )
    try:
        return locks.take(place.alive_lock, exclusive=True, timeout=START_SECONDS, owner=place.account.owner)
    except TimeoutError:
        raise DatabaseUnavailable(
            f"processes of a PostgreSQL that died still hold {place.alive_lock}",
            hint=f"`fuser {place.alive_lock}` names them.",
        ) from None


def _remove_leftovers(place: Place) -> None:
    # PostgreSQL refuses to start when the old pid is a zombie or somebody else's by now; alive.lock knows better.
    for leftover in (
        place.data / "postmaster.pid",
        place.sockets / SOCKET_NAME,
        place.sockets / f"{SOCKET_NAME}.lock",
    ):
        leftover.unlink(missing_ok=True)
    if place.log.exists() and place.log.stat().st_size > LOG_LIMIT:
        place.log.replace(place.log.with_suffix(".log.1"))


def _launch(place: Place, binaries: Binaries, alive: int) -> subprocess.Popen[bytes]:
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
        return subprocess.Popen(  # noqa: S603  the command is a list that qsup puts together, no shell
            [str(binaries.folder / "postgres"), "-D", str(place.data), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.folder,
            pass_fds=[alive],
            start_new_session=True,  # Ctrl-C in the terminal must not reach it: workers drain first
            **process_options(place.account),
        )


def _wait_until_up(place: Place, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while look(place) not in (State.UP, State.NO_DATABASE):
        if process.poll() is not None or time.monotonic() > deadline:
            reap(place)
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL in {place.folder} does not start:\n" + _indented(_log_end(place)),
                hint=f"The whole log: {place.log}",
            )
        time.sleep(0.02)


def _wait_until_gone(place: Place, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while locks.is_held(place.alive_lock):
        if time.monotonic() > deadline:
            return False
        reap(place)
        time.sleep(0.01)
    reap(place)
    return True


def _log_end(place: Place) -> str:
    return "\n".join(place.log.read_text(errors="replace").splitlines()[-8:])


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-12:])
