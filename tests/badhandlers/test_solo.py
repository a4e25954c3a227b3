"""The same bad handlers under `qsup worker`, where one parent does everything."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.badhandlers.ward import BADJOBS
from tests.conftest import Eventually
from tests.solo.test_worker_command import Project

FILE = """
version: 1
defaults: {backoff: [0s], grace: 1s, jitter: 0, timeout: 1s, tries: 1}
queues: {bad: {workers: 1}}
jobs:
  Bad: {queue: bad, handler: "badjobs.handlers:bad"}
  Look: {queue: bad, handler: "badjobs.changing:look"}
"""


class Alone(Project):
    """A project with one worker, and jobs that are bad to it."""

    def __init__(self, path: Path, dsn: str) -> None:
        super().__init__(path, dsn)
        shutil.copytree(BADJOBS, path / "badjobs")
        (path / "queues.yaml").write_text(FILE)
        self.command("apply")

    def bad(self, how: str, job: str = "Bad", **fields: Any) -> None:
        self.command("dispatch", job, json.dumps({"path": str(self.notes), "how": how} | fields))

    def look(self) -> None:
        self.command("dispatch", "Look", json.dumps({"path": str(self.path / "look")}))


@pytest.fixture
def alone(tmp_path: Path, dsn: str) -> Iterator[Alone]:
    found = Alone(tmp_path, dsn)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("blocks the alarm and sleeps", "tries"),
        ("starts children and raises", "tries"),
        ("starts children and exits", "quarantined"),
        ("closes all descriptors", "quarantined"),
        ("SIGTERM ignored", ""),
    ],
)
def test_a_bad_handler_ends_and_the_next_job_runs(alone: Alone, eventually: Eventually, how: str, cause: str) -> None:
    worker = alone.worker("bad")
    alone.bad(how)
    alone.look()
    eventually(alone.drained, 40, what="both have ended")
    assert alone.rows("SELECT cause FROM qsup.failed_jobs") == ([(cause,)] if cause else [])
    assert (alone.path / "look").exists()
    assert worker.poll() is None
    children = [int(line[1]) for line in alone.lines if line[0] == "child"]
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
