"""The bench's own PostgreSQL: durable, with settings that mean it, in a folder that goes at the end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from qsup import embedded
from qsup.embedded.place import PORT

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_connections": "300",
}
"""Nothing is bought with durability; checkpoints are far apart: none falls into one contestant's window only."""


class Server:
    """Started by the first use, stopped by `stop`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._server = embedded.ensure(home)
        self._configure()
        self.version = self._server.version

    def dsn(self, database: str) -> str:
        """A URL for libpq."""
        return self._server.dsn(database)

    def url(self, database: str) -> str:
        """A URL for drivers that are not libpq, which do not know an empty hostaddr."""
        sockets = psycopg.conninfo.conninfo_to_dict(self.dsn(database))["host"]
        return f"postgresql://qsup@/{database}?host={quote(str(sockets), safe='/')}&port={PORT}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection in autocommit."""
        return psycopg.connect(self.dsn(database), autocommit=True)

    def copy(self, name: str, template: str) -> str:
        """Make the database `name` a fresh copy of `template` on a checkpointed server; returns its DSN."""
        with self.connect() as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            # Since 15 copying through the log is the default; whole files are faster and write no log.
            conn.execute(made + sql.SQL(" STRATEGY FILE_COPY" if conn.info.server_version >= 150000 else ""))
            conn.execute("CHECKPOINT")
        return self.dsn(name)

    def drop(self, name: str) -> None:
        """Remove a database, if it is there."""
        with self.connect() as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def pids(self) -> list[int]:
        """The postmaster's pid."""
        return [self._server.pid]

    def stop(self) -> None:
        """Stop it; its files go with the bench's folder."""
        self._server.release()
        embedded.stop(self.home, force=True)

    def _configure(self) -> None:
        with self.connect() as conn:
            for name, value in {**SETTINGS, "shared_buffers": f"{shared_buffers()}MB"}.items():
                conn.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.SQL(name), sql.Literal(value)))
        self._server.stop_if_unused()
        self._server = embedded.ensure(self.home)


def shared_buffers() -> int:
    """MB: a quarter of the machine's memory, as the manual recommends, at most 1 GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(1024, memory // 4 >> 20)


def flush_milliseconds(folder: Path, writes: int = 200) -> float:
    """What one durable write of 8 kB costs on this disk: the floor under every commit. The mean of `writes`."""
    path = folder / "flush"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, bytes(8192), 0)
        os.fsync(descriptor)
        begin = time.perf_counter()
        for _ in range(writes):
            os.pwrite(descriptor, os.urandom(8192), 0)
            os.fdatasync(descriptor)
        return (time.perf_counter() - begin) / writes * 1000
    finally:
        os.close(descriptor)
        path.unlink()
