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

RUN = "run_"
"""How the names of the databases of runs begin; the others are kept to be copied."""
PROGRAMS = "QSUP_PG_BIN"
"""qsup's variable for the folder of PostgreSQL's programs."""
FLUSHES = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), wal_sync FROM pg_stat_wal"
FLUSHES_SINCE_18 = """
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'
"""


class Server:
    """Started by the first use, stopped by `stop`."""

    def __init__(self, home: Path, programs: Path | None = None) -> None:
        self.home, self.programs = home, programs
        home.parent.mkdir(exist_ok=True)
        self._server = self._ensure()
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

    def drop_runs(self, *, but: str) -> None:
        """Remove what earlier contestants have left: autovacuum would be at work on it beside the next one."""
        with self.connect() as conn:
            asked = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datname <> %s"
            for (name,) in conn.execute(asked, [RUN, but]).fetchall():
                self.drop(name)

    def connections(self, database: str) -> int:
        """How many clients a database has."""
        with self.connect() as conn:
            asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            return int(next(conn.execute(asked, [database]))[0])

    def log_statements(self, database: str) -> None:
        """From its next session on, every statement for this database is written to the server's log."""
        with self.connect() as conn:
            conn.execute(sql.SQL("ALTER DATABASE {} SET log_statement = 'all'").format(sql.Identifier(database)))

    def statements(self) -> int:
        """How many statements the log holds."""
        lines = self._server.log.read_bytes().splitlines()
        return sum(b"LOG:  statement: " in line or b"LOG:  execute " in line for line in lines)

    def log_written(self) -> tuple[int, int]:
        """(bytes, flushes) of the write-ahead log until now."""
        with self.connect() as conn:
            moved = conn.info.server_version >= 180000
            written, flushed = next(conn.execute(FLUSHES_SINCE_18 if moved else FLUSHES))
        return int(written), int(flushed)

    def stop(self) -> None:
        """Stop it; its files go with the bench's folder."""
        self._server.release()
        embedded.stop(self.home, force=True)

    def _configure(self) -> None:
        with self.connect() as conn:
            for name, value in {**SETTINGS, "shared_buffers": f"{shared_buffers()}MB"}.items():
                conn.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.SQL(name), sql.Literal(value)))
        self._server.stop_if_unused()
        self._server = self._ensure()

    def _ensure(self) -> embedded.Server:
        """With the programs that were named, else with those that qsup would take."""
        if self.programs is None:
            return embedded.ensure(self.home)
        before = os.environ.get(PROGRAMS)
        os.environ[PROGRAMS] = str(self.programs)
        try:
            return embedded.ensure(self.home)
        finally:
            del os.environ[PROGRAMS]
            os.environ.update({PROGRAMS: before} if before else {})


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
