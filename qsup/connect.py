"""From a choice of database to a connection, with the settings that qsup's processes rely on."""

from __future__ import annotations

import atexit
import codecs
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.string import StrDumper

from qsup import embedded
from qsup.database import Choice, resolve, shown
from qsup.embedded.surroundings import clean_environment
from qsup.errors import ConfigUnreadable, DatabaseUnavailable

__all__ = [
    "choice_for", "conninfo_for", "default_dsn", "dsn_for", "for_psql", "home_of", "open_async", "open_connection",
    "open_own", "readable", "shown",
]  # fmt: skip

CONNECT_SECONDS = 10

OWN_SESSION = "SET search_path = pg_catalog, pg_temp; SET row_security = off; SET client_encoding = 'UTF8'"
"""A function or an operator in another schema takes no call of ours; row security that hides rows from us is an error
instead of an empty queue; texts are texts in a database of encoding SQL_ASCII too."""

# A peer that is gone without a word (power, cable, firewall) is noticed within a minute.
KEEPALIVES = {"keepalives": "1", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


def home_of(config_file: Path) -> Path:
    """The `.qsup` directory of the project of this queues.yaml."""
    return config_file.resolve().parent / ".qsup"


def choice_for(config_file: Path, flag: str | None = None) -> Choice:
    """The database of the project of this queues.yaml; `flag` is --database. Raises ConfigUnreadable."""
    # Imported here: the courier opens connections and never reads a file.
    from qsup.check.load import load_or_raise

    return resolve(flag, os.environ, load_or_raise(config_file, os.environ).database)


def default_dsn() -> str:
    """The DSN for a program that was told none: of the queues.yaml that is found from here, else of the environment.

    Never starts a server: a program that dispatches is not who should keep one. Raises QsupError.
    """
    from qsup.locate import find

    try:
        config_file = find(None, os.environ, Path.cwd())
    except ConfigUnreadable:
        choice = resolve(None, os.environ, None)
        if choice.kind == "embedded":
            raise DatabaseUnavailable(
                "no database is named, and no queues.yaml is found from here",
                hint="Set QSUP_DATABASE_URL to a DSN, or QSUP_CONFIG to the queues.yaml.",
            ) from None
        return choice.dsn
    return dsn_for(choice_for(config_file), config_file)


def dsn_for(choice: Choice, config_file: Path, start: bool = False) -> str:
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
    conninfo = readable(dsn, role, source)
    try:
        with _surroundings(dsn):
            return psycopg.connect(conninfo, autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise _silent(dsn, source, error) from None


def open_own(dsn: str, *, role: str, source: str = "") -> psycopg.Connection:
    """A connection in autocommit mode for qsup's own statements: they mean what they say, whatever is set for the user.

    Raises DatabaseUnavailable, ConfigUnreadable.
    """
    conn = open_connection(dsn, role=role, source=source)
    try:
        conn.execute(OWN_SESSION)
    except psycopg.OperationalError as error:
        conn.close()
        raise _silent(dsn, source, error) from None
    return conn


def forgiving(conn: psycopg.Connection) -> None:
    """Let it store every text: what a database of another encoding than UTF-8 has no letter for, is written escaped.

    For outcomes: an arrow in an exception's message must not keep it from being stored.
    """
    encoding = conn.info.parameter_status("server_encoding") or "UTF8"
    if encoding not in ("UTF8", "SQL_ASCII"):
        conn.adapters.register_dumper(str, _escaping(encoding))


def _escaping(encoding: str) -> type[StrDumper]:
    try:
        codec = codecs.lookup(encoding).name
    except LookupError:
        codec = "ascii"

    class Escaping(StrDumper):
        """Texts in the letters of this encoding."""

        def dump(self, obj: str) -> Buffer | None:
            return super().dump(obj.encode(codec, "backslashreplace").decode(codec))

    return Escaping


async def open_async(dsn: str, *, role: str) -> psycopg.AsyncConnection:
    """The same for asyncio, not in autocommit mode. Raises DatabaseUnavailable, ConfigUnreadable."""
    conninfo = readable(dsn, role)
    try:
        with _surroundings(dsn):
            return await psycopg.AsyncConnection.connect(conninfo)
    except psycopg.OperationalError as error:
        raise _silent(dsn, "", error) from None


def readable(dsn: str, role: str, source: str = "") -> str:
    """The DSN as conninfo, with qsup's settings where it says nothing. Raises ConfigUnreadable when it is no DSN."""
    try:
        return conninfo_for(dsn, role)
    except psycopg.ProgrammingError:
        raise ConfigUnreadable(
            f"not a DSN of PostgreSQL: {shown(dsn)}{_from(source)}",
            hint="Expected postgresql://user@host/dbname, or key=value pairs as libpq takes them.",
        ) from None


def _silent(dsn: str, source: str, error: psycopg.OperationalError) -> DatabaseUnavailable:
    where = shown(dsn) if dsn else "the place that libpq's PG* variables name"
    return DatabaseUnavailable(
        f"PostgreSQL does not answer at {where}{_from(source)}: {str(error).strip()}",
        hint="Is it running, and may this user connect? Try the same DSN with psql.",
    )


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


def for_psql(dsn: str) -> tuple[str, dict[str, str]]:
    """Conninfo and environment: everybody can read a command line, so the password travels in the environment."""
    if embedded.is_embedded(dsn):
        return dsn, embedded.without_postgres_variables(os.environ)
    said: dict[str, Any] = conninfo_to_dict(dsn)
    password = said.pop("password", None)
    return make_conninfo("", **said), dict(os.environ) | ({"PGPASSWORD": str(password)} if password else {})


def _surroundings(dsn: str) -> AbstractContextManager[None]:
    """The embedded server is meant exactly; another DSN is completed by libpq's variables (PGPASSWORD, PGSSLMODE)."""
    return clean_environment() if embedded.is_embedded(dsn) else nullcontext()


def _from(source: str) -> str:
    return f" (from {source})" if source else ""
