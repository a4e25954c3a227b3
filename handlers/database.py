"""A second connection for what must be committed before the job ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def beside(conn: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own to the database of `conn`, where every statement commits by itself.

    The COMMIT of `ctx.transaction()` ends the job. "This message is about to go out" and "this router refuses our
    password" must be kept even when the job does not end well, so they cannot be part of it.
    """
    own = psycopg.connect(conn.info.dsn, password=conn.info.password or None, autocommit=True)
    try:
        yield own
    finally:
        own.close()
