"""A database's schema qsup as text, from the catalog: two databases with the same text have the same schema."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

PARTS = {
    "schema": "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'qsup'",
    "relations": """
        SELECT relname, relkind, relpersistence, relispartition, reloptions, relacl::text,
               pg_get_expr(relpartbound, oid), CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) END
        FROM pg_class WHERE relnamespace = 'qsup'::regnamespace ORDER BY relname""",
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'qsup'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'qsup'::regnamespace ORDER BY 1, 2""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'qsup' ORDER BY indexname",
    "functions": """
        SELECT pg_get_functiondef(oid), proacl::text FROM pg_proc
        WHERE pronamespace = 'qsup'::regnamespace ORDER BY 1""",
    "triggers": """
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'qsup'::regnamespace AND NOT t.tgisinternal ORDER BY 1""",
    "types": "SELECT typname, typtype FROM pg_type WHERE typnamespace = 'qsup'::regnamespace ORDER BY 1",
    "versions": "SELECT version, name, oldest_code FROM qsup.schema_versions ORDER BY version",
}


def structure(conn: Connection[Any]) -> str:
    """The whole schema; column order left out, because ALTER TABLE can only add at the end."""
    lines = []
    for part, query in PARTS.items():
        lines += [f"{part}: {row}" for row in conn.execute(query.encode()).fetchall()]
    return "\n".join(lines)
