"""The hotspot's own tables: numbered SQL files, applied once each, in schemas of their own beside qsup's.

`qsup db url | python -m handlers.schema` applies what is missing to the database whose DSN comes on stdin (a DSN may
hold a password, so it is never an argument); without stdin's DSN, DATABASE_URL is used.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psycopg

from handlers.given import given_dsn

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x686F7473706F74  # "hotspot" in ASCII: no other program's advisory lock by accident


def migrate(conn: psycopg.Connection[Any]) -> list[str]:
    """Apply the missing files of handlers/migrations, all in one transaction; returns their names.

    Two processes may do it at once: the second waits and finds nothing to do. Raises psycopg.Error.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        conn.execute("CREATE SCHEMA IF NOT EXISTS hotspot")
        conn.execute(
            "CREATE TABLE IF NOT EXISTS hotspot.schema_version"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {row[0] for row in conn.execute("SELECT name FROM hotspot.schema_version").fetchall()}
        missing = [path for path in sorted(MIGRATIONS.glob("[0-9]*.sql")) if path.stem not in applied]
        for path in missing:
            conn.execute(path.read_bytes())
            conn.execute("INSERT INTO hotspot.schema_version (name) VALUES (%s)", [path.stem])
    return [path.stem for path in missing]


def main() -> int:
    """Read the DSN, migrate, say what was done."""
    dsn = given_dsn("handlers.schema")
    if not dsn:
        return 2
    try:
        with psycopg.connect(dsn) as conn:
            names = migrate(conn)
    except psycopg.Error as error:
        print(f"The hotspot's tables were not made: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"applied {name}" for name in names) or "nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
