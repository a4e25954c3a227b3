"""Solo workers in a project of their own, with the jobs of the supervisor's rig."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.supervise import rig
from tests.supervise.rig import Run

QUEUES = {**rig.QUEUES, "payments": {**rig.QUEUES["payments"], "timeout": "200s"}}
"""A job that waits for a test must not reach its time limit on a busy machine."""


class Solos(Run):
    """`qsup worker` instead of `qsup run`."""

    def __init__(self, project: Path, dsn: str) -> None:
        super().__init__(project, dsn)
        self.write(QUEUES)
        applied = self.command("apply")
        assert applied.returncode == 0, applied.stderr

    def worker(self, queue: str = "payments") -> subprocess.Popen[bytes]:
        """Start one, and wait until it has said that it hears its queue."""
        with (self.project / "out").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "qsup", "worker", "--queue", queue],
                cwd=self.project, env=self.environment, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        self.until(lambda: process.pid in self.hearing(queue), "the worker is there")
        return process

    def hearing(self, queue: str) -> set[int]:
        """The pids of those who hear the queue."""
        return {pid for pid, listens in self.rows("SELECT pid, listens FROM qsup.supervisors") if queue in listens}
