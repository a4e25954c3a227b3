"""From a choice of database to a connection, with the settings that qsup's processes rely on."""

from __future__ import annotations

import atexit
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qsup import embedded
from qsup.database import Choice, shown
from qsup.embedded.surroundings import clean_environment
from qsup.errors import ConfigUnreadable, DatabaseUnavailable

CONNECT_SECONDS = 10

# A peer that is gone without a word (power, cable, firewall) is noticed within a minute.
KEEPALIVES = {"keepalives": "1", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


def home_of(config_file: Path) -> Path:
    """The `.qsup` directory of the project of this queues.yaml."""
    return config_file.resolve().parent / ".qsup"


def dsn_for(choice: Choice, config_file: Path, *, start: bool) -> str:
    """The DSN of the chosen database.

    The embedded server is started if it is not running and `start` is true; this process then uses it until it exits,
    and stops it at its exit if it started it and nobody else uses it. Raises QsupError.
    """
    if choice.kind != "embedded":
        return choice.dsn
    home = home_of(config_file)
    if start:
        server = embedded.ensure(home)
        if server.started_here:
            atexit.register(server.stop_if_unused)
        return server.dsn()
    running = embedded.find(home)
    if running is None:
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL of {home.parent} is not running",
            hint="`qsup run` starts it; `qsup db psql` too.",
        )
    return running.dsn()


def open_connection(dsn: str, *, role: str, autocommit: bool = True, source: str = "") -> psycopg.Connection:
    """A connection named `qsup:<role>` to a primary.

    What the DSN or libpq's variables say about connect_timeout, keepalives and target_session_attrs wins. Raises
    DatabaseUnavailable with the DSN (no password) and `source`, ConfigUnreadable when it is no DSN.
    """
    try:
        conninfo = conninfo_for(dsn, role)
    except psycopg.ProgrammingError:
        raise ConfigUnreadable(
            f"not a DSN of PostgreSQL: {shown(dsn)}{_from(source)}",
            hint="Expected postgresql://user@host/dbname, or key=value pairs as libpq takes them.",
        ) from None
    try:
        with _surroundings(dsn):
            return psycopg.connect(conninfo, autocommit=autocommit)
    except psycopg.OperationalError as error:
        where = shown(dsn) if dsn else "the place that libpq's PG* variables name"
        raise DatabaseUnavailable(
            f"PostgreSQL does not answer at {where}{_from(source)}: {str(error).strip()}",
            hint="Is it running, and may this user connect? Try the same DSN with psql.",
        ) from None


def conninfo_for(dsn: str, role: str) -> str:
    """The DSN with qsup's settings where it says nothing, as key=value. Raises psycopg.ProgrammingError."""
    said = conninfo_to_dict(dsn)
    heard = {} if embedded.is_embedded(dsn) else os.environ
    defaults = dict(KEEPALIVES)
    if "PGCONNECT_TIMEOUT" not in heard:
        defaults["connect_timeout"] = str(CONNECT_SECONDS)
    if "PGTARGETSESSIONATTRS" not in heard:
        defaults["target_session_attrs"] = "read-write"
    missing = {name: value for name, value in defaults.items() if name not in said}
    return make_conninfo(dsn, **missing, application_name=f"qsup:{role}")


def _surroundings(dsn: str) -> AbstractContextManager[None]:
    """The embedded server is meant exactly; another DSN is completed by libpq's variables (PGPASSWORD, PGSSLMODE)."""
    return clean_environment() if embedded.is_embedded(dsn) else nullcontext()


def _from(source: str) -> str:
    return f" (from {source})" if source else ""
