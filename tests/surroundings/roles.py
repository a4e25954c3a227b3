"""A role that works with qsup's schema without owning it, as a careful administrator would make it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import conninfo

GRANTS = """
GRANT USAGE ON SCHEMA qsup TO {0};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA qsup TO {0};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA qsup TO {0};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA qsup TO {0};
"""


class Role:
    """The role, and the administrator's connection."""

    def __init__(self, admin: psycopg.Connection, dsn: str) -> None:
        self.admin = admin
        self.database = str(conninfo.conninfo_to_dict(dsn)["dbname"])
        self.name = f"runner_{self.database}"
        self.dsn = conninfo.make_conninfo(dsn, user=self.name)

    def does(self, statements: str) -> None:
        """The administrator's statements; {0} is the role, {1} the database."""
        self.admin.execute(statements.format(self.name, self.database).encode())

    def sets(self, setting: str) -> None:
        """ALTER ROLE … SET; holds for new connections, so the old ones are ended."""
        self.does_and_hangs_up(f"ALTER ROLE {{0}} SET {setting}")

    def does_and_hangs_up(self, statements: str) -> None:
        """The same, and its connections are ended."""
        self.does(statements)
        self.does("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{0}'")


@contextmanager
def role(admin: psycopg.Connection, dsn: str) -> Iterator[Role]:
    """A role with all it needs; gone at the end."""
    found = Role(admin, dsn)
    found.does("CREATE ROLE {0} LOGIN;" + GRANTS)
    yield found
    found.does_and_hangs_up("ALTER ROLE {0} NOLOGIN")
    found.does("DROP OWNED BY {0}; DROP ROLE {0}")
