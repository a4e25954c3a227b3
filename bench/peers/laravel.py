"""Laravel's database queue: the real worker and queue of illuminate, out of Debian's packages."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench.arena import ROOT
from bench.contestant import PRODUCE_SECONDS
from bench.peers.contestants import PeerOnPostgres

FOLDER = ROOT / "bench" / "apps" / "laravel"
ILLUMINATE = Path("/usr/share/php/Illuminate")
PACKAGE = "php-illuminate-queue"
BEFORE_SECONDS = 0.5
"""For producers that are to begin together to be connected."""


class Laravel(PeerOnPostgres):
    """A process for each worker, kept running by supervisord, as its manual recommends. They import nothing else."""

    name = "Laravel's database queue"
    slug = "laravel"
    producer = "laravel"
    pace = 1_500

    def variables(self) -> dict[str, str]:
        """The database in the parts that Laravel's configuration has."""
        return where(self.dsn)

    def schema(self, dsn: str) -> None:
        """The migration of `queue:table`."""
        self._php("schema", variables=where(dsn))

    def worker(self) -> list[str]:
        """As `queue:work`."""
        return ["php", str(FOLDER / "work.php")]

    def insert(self, conn: psycopg.Connection[Any], ready: int, later: int) -> None:
        """Rows as push() writes them."""
        text = self._php("payload", variables=where(conn.info.dsn)).replace('"i":0', '"i":%')
        conn.execute("TRUNCATE jobs")
        conn.execute("SELECT set_config('bench.payload', %s, false)", [text])
        statement = (
            "INSERT INTO jobs (queue, payload, attempts, available_at, created_at)"
            " SELECT 'default', replace(current_setting('bench.payload'), '%%', g::text), 0, DUE,"
            " extract(epoch FROM now())::int FROM generate_series(%s::bigint, %s::bigint) AS g"
        )
        due = {"later": "extract(epoch FROM now())::int + 86400", "ready": "extract(epoch FROM now())::int"}
        self.by_sql(conn, statement, due, {"ready": ready, "later": later})

    def produce(self, mode: str, *numbers: float, producer: str = "") -> Any:  # noqa: ARG002  it has only the one
        """Its own program, and for several connections several of it. Raises RuntimeError, TimeoutExpired."""
        if mode != "one":
            return self._php(mode, *numbers)
        seconds, connections = numbers[0], int(numbers[1])
        begin = time.time() + BEFORE_SECONDS
        started = [self._start("one", seconds, begin) for _ in range(connections)]
        return sum(answer(one) for one in started) / seconds

    def _php(self, mode: str, *numbers: float, variables: dict[str, str] | None = None) -> Any:
        return answer(self._start(mode, *numbers, variables=variables))

    def _start(self, mode: str, *numbers: float, variables: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        asked = ["php", str(FOLDER / "produce.php"), mode, *map(str, numbers)]
        command = self.arena.command(asked, self.arena.folder, variables or self.variables())
        return subprocess.Popen(  # noqa: S603  the bench's own command line
            asked, env=dict(command.environment), cwd=command.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )


def answer(process: subprocess.Popen[bytes]) -> Any:
    """What it prints. Raises RuntimeError, TimeoutExpired."""
    out, said = process.communicate(timeout=PRODUCE_SECONDS)
    if process.returncode:
        raise RuntimeError(f"php: {said.decode(errors='replace')[-2000:]}")
    return json.loads(out)


def where(dsn: str) -> dict[str, str]:
    """The parts of a connection; libpq leaves out what is the default."""
    parts = {"port": "5432", **conninfo_to_dict(dsn)}
    names = {"BENCH_HOST": "host", "BENCH_PORT": "port", "BENCH_DATABASE": "dbname", "BENCH_USER": "user"}
    return {variable: str(parts.get(part) or "") for variable, part in names.items()}


def is_there() -> bool:
    """Whether PHP and illuminate's queue are installed."""
    return shutil.which("php") is not None and all((ILLUMINATE / one).is_dir() for one in ("Queue", "Events"))


def version() -> str:
    """Of Debian's package; empty when there is none."""
    if not is_there():
        return ""
    asked = ["dpkg-query", "--show", "--showformat", "${Version}", PACKAGE]
    return subprocess.run(asked, stdout=subprocess.PIPE, check=False).stdout.decode().partition("+")[0]  # noqa: S603  fixed words
