"""A rig with one queue for bad handlers and a calm one beside it, whose jobs go on while the other is in misery."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from qsup.messages import Applied
from qsup.routing import Route
from tests.courier.rig import Rig, a_queue, a_routing

BADJOBS = Path(__file__).parent / "badjobs"
ENOUGH = 3
"""Jobs of the calm queue that must have been done in the meantime."""


class Ward(Rig):
    """Feeds the calm queue, one job after the other, whenever it looks at the messages."""

    def __init__(self, project: Path, dsn: str) -> None:
        shutil.copytree(BADJOBS, project / "badjobs")
        self.calm_notes = project / "calm"
        self.looks = project / "looks"
        self.calm_put = 0
        self.watching = False
        super().__init__(project, dsn)

    def open(self, **settings: Any) -> Ward:
        """Start the workers; the bad queue's jobs have one try unless told otherwise."""
        hook = settings.pop("failed", None)
        bad = a_queue("bad", **({"timeout": 2.0, "tries": 1} | settings))
        routes = {
            "Bad": Route(job="Bad", queue="bad", handler="badjobs.handlers:bad", failed=hook),
            "ABad": Route(job="ABad", queue="bad", handler="badjobs.handlers:abad"),
            "Look": Route(job="Look", queue="bad", handler="badjobs.changing:look", timeout=20.0),
            "Odd": Route(job="Odd", queue="bad", handler="badjobs.handlers:odd"),
            "Note": Route(job="Note", queue="calm", handler="rigjobs:note"),
        }
        self.configure(a_routing(bad, a_queue("calm"), routes=routes))
        self.until(lambda: self.heard(Applied) and self.serving(), "applied and serving")
        self.watching = True
        return self

    def turn(self) -> None:
        super().turn()
        if self.watching and len(self.calm()) == self.calm_put:
            self.put("Note", path=str(self.calm_notes))
            self.calm_put += 1

    def put(self, job: str, **payload: Any) -> int:
        [(number,)] = self.window.does("SELECT id FROM qsup.dispatch(%s, %s)", (job, json.dumps(payload)))
        return int(number)

    def bad(self, how: str, job: str = "Bad", **payload: Any) -> int:
        """Dispatch misery."""
        return self.put(job, how=how, path=str(self.notes), **payload)

    def calm(self) -> list[list[str]]:
        """What the calm queue's handler wrote: id, attempt, crashes, pid."""
        return [line.split() for line in self.calm_notes.read_text().splitlines()] if self.calm_notes.exists() else []

    def over(self) -> bool:
        """Whether the bad queue is empty."""
        return self.rows("SELECT 1 FROM qsup.jobs WHERE queue = 'bad'") == []

    def ends(self, how: str, job: str = "Bad", **payload: Any) -> tuple[str, str, str]:
        """Let a bad job end: cause, exception and message of its failure, empty when it is done."""
        before = len(self.calm())
        number = self.bad(how, job, **payload)
        self.until(self.over, f"the job that does {how!r} has ended", 40)
        self.until(lambda: len(self.calm()) >= before + ENOUGH, "the other queue went on")
        self.check_calm()
        failed = {row[0]: row[1:] for row in self.rows("SELECT id, cause, exception, message FROM qsup.failed_jobs")}
        cause, exception, message = failed.get(number, ("", "", ""))
        return cause, exception, message

    def check_calm(self) -> None:
        """The calm queue's worker is the one that it had, and none of its jobs has a story."""
        assert {run[3] for run in self.calm()} == {str(self.workers["calm:0"])}
        assert {(run[1], run[2]) for run in self.calm()} == {("1", "0")}
        told = {row[0] for row in self.rows("SELECT job_id FROM qsup.job_events")}
        assert not told & {int(run[0]) for run in self.calm()}

    def look(self) -> dict[str, Any]:
        """Run the next job of the bad queue: what it finds in its worker."""
        self.looks.unlink(missing_ok=True)
        self.put("Look", path=str(self.looks))
        self.until(self.over, "the next job is done")
        found: dict[str, Any] = json.loads(self.looks.read_text())
        return found
