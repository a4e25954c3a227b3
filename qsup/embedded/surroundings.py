"""Connecting to the embedded server whatever PG* variables the user's shell has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from qsup.embedded.place import PORT, Place

USER = "qsup"
DATABASE = "qsup"


def dsn_of(place: Place, dbname: str) -> str:
    """The URL of a database of this server: complete, so that nothing is taken from the environment.

    An empty `hostaddr` is there to keep PGHOSTADDR out, which would turn the socket into a TCP connection; it is also
    how `is_embedded` knows such a URL.
    """
    host = quote(str(place.sockets), safe="/")
    return f"postgresql://{USER}@/{quote(dbname, safe='')}?host={host}&port={PORT}&sslmode=disable&hostaddr="


def is_embedded(dsn: str) -> bool:
    """Whether `dsn_of` made this DSN."""
    return dsn.startswith(f"postgresql://{USER}@/") and conninfo_to_dict(dsn).get("hostaddr") == ""


def without_postgres_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without PG*: PGSERVICE, PGOPTIONS, PGREQUIREAUTH and others have no neutral value in a DSN."""
    return {name: value for name, value in environ.items() if not name.startswith("PG")}


@contextmanager
def clean_environment() -> Iterator[None]:
    """For the length of a connection attempt this process has no PG* variables, which libpq would read."""
    hostile = {name: value for name, value in os.environ.items() if name.startswith("PG")}
    for name in hostile:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hostile)
