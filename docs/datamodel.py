"""Writes docs/reference/hotspot-data.md from the hotspot's own tables: `python docs/datamodel.py`, or `make docs`.

It makes the tables in a database of a throw-away embedded PostgreSQL and asks PostgreSQL's catalogue what they are.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from handlers import schema
from qsup import embedded, migrate

PAGE = Path(__file__).parent / "reference" / "hotspot-data.md"
TOP = """\
# The hotspot's data

<!-- Written by docs/datamodel.py from the tables themselves; `make docs` writes it again. -->

The tables of the schema `hotspot`, as `python -m handlers.schema` makes them. What each job writes:
[the hotspot's jobs](hotspot-jobs.md).
"""

TABLES = """
    SELECT c.relname, coalesce(obj_description(c.oid, 'pg_class'), '')
    FROM pg_class c WHERE c.relnamespace = 'hotspot'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
        coalesce(bool_or(k.contype = 'p'), false), coalesce(bool_or(k.contype = 'f'), false),
        coalesce(bool_or(k.contype = 'u' AND cardinality(k.conkey) = 1), false)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND a.attnum = ANY (k.conkey)
    WHERE c.relnamespace = 'hotspot'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY c.relname, a.attnum, a.attname, a.atttypid ORDER BY c.relname, a.attnum
"""
REFERENCES = """
    SELECT DISTINCT k.confrelid::regclass::text, k.conrelid::regclass::text, a.attname,
        EXISTS (SELECT FROM pg_constraint u
            WHERE u.conrelid = k.conrelid AND u.conkey = k.conkey AND u.contype IN ('u', 'p'))
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    WHERE k.contype = 'f' AND k.connamespace = 'hotspot'::regnamespace ORDER BY 1, 2, 3
"""

Connection = psycopg.Connection[Any]


def page(conn: Connection) -> str:
    """The whole page, from a database that has the hotspot's tables."""
    listed = [f"| `{name}` | {comment} |" for name, comment in conn.execute(TABLES)]
    return "\n".join(
        [TOP, "```mermaid", "erDiagram", *_entities(conn), *_lines(conn), "```", "", *_head(), *listed, ""]
    )


def _entities(conn: Connection) -> Iterator[str]:
    shown = ""
    for table, column, kind, is_key, refers, is_unique in conn.execute(COLUMNS):
        if table != shown:
            if shown:
                yield "    }"
            yield f"    {table} {{"
            shown = table
        marks = [mark for mark, holds in (("PK", is_key), ("FK", refers), ("UK", is_unique)) if holds]
        yield f"        {_word(kind)} {column} {', '.join(marks)}".rstrip()
    if shown:
        yield "    }"


def _lines(conn: Connection) -> Iterator[str]:
    for parent, child, column, is_one in conn.execute(REFERENCES):
        end = "o|" if is_one else "o{"
        yield f"    {_bare(parent)} ||--{end} {_bare(child)} : {column}"


def _head() -> list[str]:
    return ["| table | what a row is |", "|---|---|"]


def _bare(name: str) -> str:
    return name.removeprefix("hotspot.")


def _word(kind: str) -> str:
    """Mermaid takes a type of one word."""
    short = {"timestamp with time zone": "timestamptz", "double precision": "float8", "character varying": "varchar"}
    return short.get(kind, kind).replace(" ", "_")


def main() -> int:
    """Write the page."""
    with tempfile.TemporaryDirectory(prefix="qsup-docs-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder).resolve() / ".qsup"
        server = embedded.ensure(home)
        try:
            migrate.migrate(server.dsn())
            with psycopg.connect(server.dsn(), autocommit=True) as conn:
                schema.migrate(conn)
                PAGE.write_text(page(conn), encoding="utf-8")
        finally:
            server.release()
            embedded.stop(home, force=True)
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
