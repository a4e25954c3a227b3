"""A run that owns its PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qsup import embedded
from tests.supervise.rig import Run, end


class Embedded(Run):
    """Nothing names a database."""

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in super().environment.items() if name != "QSUP_DATABASE_URL"}


@pytest.fixture
def run(project: Path) -> Iterator[Run]:
    rig = Embedded(project, "")
    yield rig
    rig.close()


def known(run: Run) -> None:
    """Where the run's own server listens."""
    running = embedded.find(run.project / ".qsup")
    assert running is not None
    run.dsn = running.dsn()


def test_the_embedded_database_is_made_migrated_and_given_back(run: Run) -> None:
    process = run.start()
    assert run.state["database"]["embedded"] is True
    known(run)
    run.dispatch("hello")
    run.waits_for("end hello")
    process.terminate()
    assert process.wait(60) == 0
    assert "exit 0: nothing is left running" in run.output()
    assert not (run.project / ".qsup/pg/data/postmaster.pid").exists()


def test_a_killed_postgresql_and_a_killed_database_child_come_back(run: Run) -> None:
    run.start()
    known(run)
    workers = run.pids()
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    end(int((run.project / ".qsup/pg/data/postmaster.pid").read_text().split()[0]))
    run.says("PostgreSQL died; starting it again")
    run.let_go("go")
    run.until(lambda: run.state["database"]["state"] == "up", "it is up again")
    run.waits_for_jobs_to_end()
    end(run.state["database"]["pid"])
    run.says("start database: this project uses the embedded PostgreSQL; the last one died")
    run.dispatch("short")
    run.waits_for("end short")
    assert len(run.diary("begin long")) == 1
    assert run.pids() == workers


def test_a_handler_dispatches_to_its_own_project_whatever_the_working_directory(run: Run) -> None:
    run.cwd = run.project / "elsewhere"
    run.cwd.mkdir()
    run.start("--config", "../queues.yaml")
    known(run)
    run.dispatch("first", how="chain")
    run.waits_for("end next")
