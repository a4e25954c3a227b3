"""The life of one server: initdb, start, see, stop. Callers hold start.lock around everything that changes it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from enum import Enum

import psycopg
from psycopg import sql

from qsup.embedded import locks
from qsup.embedded.binaries import find_binaries
from qsup.embedded.place import SOCKET_NAME, Place
from qsup.embedded.postmaster import initialize, launch, log_end, major_of, postmaster_pid, reap, remove_leftovers
from qsup.embedded.surroundings import DATABASE, USER, clean_environment, dsn_of
from qsup.errors import DatabaseUnavailable, QsupError

# Crash recovery replays the log since the last checkpoint: at most max_wal_size (1 GB), well under this.
START_SECONDS = 120.0
FAST_STOP_SECONDS = 20.0


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
    binaries = find_binaries(place.account, major_of(place.data))
    reap(place)
    with _nobody_alive(place) as alive:
        if not place.data.exists():
            initialize(place, binaries, alive.descriptor)
        remove_leftovers(place)
        process = launch(place, binaries, alive.descriptor)
    place.write_facts({"pid": process.pid, "version": binaries.version, "origin": binaries.origin})
    _wait_until_up(place, process)


def create_database(place: Place) -> None:
    """Make the database `qsup` if it is missing."""
    with connect(place, "postgres") as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            # Our user and our schema have the same name: through "$user" somebody's CREATE TABLE would land among
            # qsup's own tables, and his CREATE TABLE IF NOT EXISTS jobs would find ours.
            connection.execute(sql.SQL("ALTER ROLE {} SET search_path = public").format(sql.Identifier(USER)))
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


def _wait_until_up(place: Place, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while look(place) not in (State.UP, State.NO_DATABASE):
        if process.poll() is not None or time.monotonic() > deadline:
            reap(place)
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL in {place.folder} does not start:\n" + log_end(place),
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
