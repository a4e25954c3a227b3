"""Bringing the schema `qsup` to the version of this code, and saying whether this code may work on it.

Numbered SQL files, forward only, each in a transaction of its own, one migrator at a time by an advisory lock. Every
file's first line names the oldest code (its newest migration) that may still work on the schema it leaves behind, so an
old courier that is still running during a deployment knows when to stop claiming.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from qsup import connect, store
from qsup.errors import DatabaseUnavailable, SchemaMismatch

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x71737570
"""The advisory lock of migrating and applying: the letters `qsup`."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    oldest_code: int
    sql: str

    @property
    def script(self) -> str:
        """The file and the row that says that it was applied; to be run in a transaction."""
        return (
            f"{self.sql}\nINSERT INTO qsup.schema_versions (version, name, oldest_code) "
            f"VALUES ({self.version}, '{self.name}', {self.oldest_code});\n"
        )


@cache
def migrations() -> tuple[Migration, ...]:
    """All files in their order. Raises ValueError when one does not say the oldest code."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("[0-9]*.sql")))


def code_version() -> int:
    """The newest migration that this code knows."""
    return migrations()[-1].version


def pending(conn: psycopg.Connection[Any]) -> list[Migration]:
    """What this database lacks."""
    found = store.schema_version(conn)
    return [one for one in migrations() if found is None or one.version > found[0]]


def migrate(dsn: str) -> list[Migration]:
    """Apply what is missing and return it. Raises DatabaseUnavailable, SchemaMismatch."""
    try:
        with connect.open_own(dsn, role="migrate") as conn:
            return migrate_connection(conn)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"cannot migrate: {str(error).strip()}") from None


def migrate_connection(conn: psycopg.Connection[Any]) -> list[Migration]:
    """Apply what is missing on an autocommit connection and return it.

    Raises SchemaMismatch when the schema is newer than this code may work on.
    """
    conn.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    try:
        missing = pending(conn)
        if not missing:
            require(conn)
        for migration in missing:
            _apply(conn, migration)
    finally:
        conn.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    return missing


def shown(missing: list[Migration]) -> str:
    """What `migrate` would do, as a script for psql."""
    lock = f"SELECT pg_advisory_xact_lock({LOCK});"
    return "\n".join(f"BEGIN;\n{lock}\n{one.script}COMMIT;\n" for one in missing)


def refusal(conn: psycopg.Connection[Any]) -> str:
    """Why this code may not work on this database, with what to do; empty when it may."""
    found = store.schema_version(conn)
    mine = code_version()
    if found is None:
        return "this database has no schema qsup yet: run `qsup migrate`"
    version, oldest = found
    if version < mine:
        return f"the schema is version {version}, this qsup needs version {mine}: run `qsup migrate`"
    if mine < oldest:
        return f"the schema needs code that knows version {oldest}; this qsup knows {mine}: upgrade it"
    return ""


def require(conn: psycopg.Connection[Any]) -> None:
    """Raise SchemaMismatch when this code may not work on this database."""
    if reason := refusal(conn):
        raise SchemaMismatch(reason)


def _apply(conn: psycopg.Connection[Any], migration: Migration) -> None:
    with conn.transaction():
        conn.execute(migration.script.encode())


def _read(path: Path) -> Migration:
    number, name = path.stem.split("_", 1)
    text = path.read_text()
    first = text.partition("\n")[0]
    if not first.startswith("-- oldest code: "):
        raise ValueError(f"{path.name}: the first line must be `-- oldest code: N`")
    return Migration(int(number), name, int(first.removeprefix("-- oldest code: ")), text)
