"""A real standby by streaming replication: the primary dies, the standby only reads, and then it is promoted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from qsup import migrate
from qsup.embedded import cluster
from qsup.embedded.account import run as run_as
from qsup.embedded.binaries import find_binaries
from qsup.embedded.place import Place, prepared_place
from qsup.embedded.surroundings import dsn_of
from tests.conftest import wait_until
from tests.supervise.rig import Run


@dataclass(frozen=True)
class Pair:
    """A primary and its standby."""

    primary: Place
    standby: Place

    @property
    def dsn(self) -> str:
        """Both hosts, as one would write it."""
        hosts = ",".join(str(place.sockets) for place in (self.primary, self.standby))
        return f"host={hosts} port=5432,5432 user=qsup dbname=qsup"

    def caught_up(self) -> bool:
        query = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"
        with psycopg.connect(dsn_of(self.primary, "qsup"), autocommit=True) as conn:
            return conn.execute(query).fetchone() == (1,)


@pytest.fixture
def pair(make_project: Callable[[], AbstractContextManager[Path]]) -> Iterator[Pair]:
    with ExitStack() as stack:
        primary, standby = (prepared_place(stack.enter_context(make_project()) / ".qsup") for _ in range(2))
        cluster.start(primary)
        stack.callback(cluster.stop, primary)
        cluster.create_database(primary)
        migrate.migrate(dsn_of(primary, "qsup"))
        folder = find_binaries(primary.account, None).folder
        copied = run_as(
            standby.account,
            [folder / "pg_basebackup", "-h", primary.sockets, "-U", "qsup", "-D", standby.data, "-R", "-c", "fast"],
        )
        assert copied.returncode == 0, copied.stdout
        cluster.start(standby)
        stack.callback(cluster.stop, standby)
        yield Pair(primary, standby)


COMMANDS = [
    ["dispatch", "Pay", '{"text": "x"}'],
    ["apply"],
    ["migrate"],
]


def test_a_failover_to_a_standby_loses_nothing_and_needs_no_hands(pair: Pair, project: Path) -> None:
    run = Run(project, dsn_of(pair.primary, "qsup"))
    run.runtime_dsn = pair.dsn
    try:
        run.start()
        workers, courier = run.pids(), run.state["courier"]["pid"]
        run.dispatch("long", until="go")
        run.waits_for("begin long")
        run.dispatch("ready", until="go")
        run.waits_for("begin ready")
        wait_until(pair.caught_up, what="the standby has replayed everything")
        cluster.stop(pair.primary)
        run.says("database away")
        run.let_go("go")
        run.waits_for("end long")
        run.until(lambda: "read-only" in run.output(), "it says that the standby only reads")
        for command in COMMANDS:
            done = run.command(*command)
            assert (done.returncode, done.stdout) == (75, ""), done
            assert "session is read-only" in done.stderr
            assert "Traceback" not in done.stderr
        only = {**run.environment, "QSUP_DATABASE_URL": dsn_of(pair.standby, "qsup") + "&target_session_attrs=any"}
        refused_by_the_server(run, only)
        with psycopg.connect(dsn_of(pair.standby, "qsup"), autocommit=True) as conn:
            conn.execute("SELECT pg_promote()")
        run.dsn = dsn_of(pair.standby, "qsup")
        run.waits_for_jobs_to_end()
        run.dispatch("short")
        run.waits_for("end short")
        assert (len(run.diary("begin long")), len(run.diary("begin ready"))) == (1, 1)
        assert run.pids() == workers
        assert f"courier (pid {courier}) exited" not in run.output(), "the courier died of it"
        assert "Traceback" not in run.output()
    finally:
        run.close()


def refused_by_the_server(run: Run, environment: dict[str, str]) -> None:
    """Where the DSN asks for any server, it is the statement that a standby refuses."""
    run.runtime_dsn, before = environment["QSUP_DATABASE_URL"], run.runtime_dsn
    done = run.command("dispatch", "Pay", json.dumps({"text": "x"}))
    assert (done.returncode, done.stdout) == (75, ""), done
    assert "PostgreSQL only reads here: cannot execute" in done.stderr
    asked = run.command("why", "1")
    assert (asked.returncode, "PostgreSQL only reads (it is a standby)" in asked.stdout) == (0, True), asked
    run.runtime_dsn = before
