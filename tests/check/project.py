"""A small project on the disk, and what the validator says about it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from qsup.check.load import load
from qsup.check.scan import Scan, scan

QUEUES = """\
version: 1
queues:
  payments: {workers: 2}
  sms: {workers: 1}
  idle: {workers: 0}
jobs:
  PayJob: {queue: payments, handler: jobs.pay:run}
code: [app]
"""

HANDLER = """\
import qsup
from jobs.classes import PayJob

def run(job: PayJob, ctx: qsup.Context) -> None: ...
"""

CLASSES = """\
import qsup

class PayJob(qsup.Job):
    amount: int

class SmsJob(qsup.Job):
    to: str
"""

SITE = "from jobs.classes import PayJob\nPayJob(amount=1).dispatch()\n"


class Project:
    """A project that is in order; a test changes what it is about."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("queues.yaml", QUEUES)
        self.write("jobs/pay.py", HANDLER)
        self.write("jobs/classes.py", CLASSES)
        self.write("app/site.py", SITE)

    def write(self, name: str, text: str) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def job(self, entry: str) -> None:
        """The `jobs:` line of PayJob."""
        self.write("queues.yaml", QUEUES.replace("{queue: payments, handler: jobs.pay:run}", entry))

    def scan(self, *paths: Path) -> Scan:
        loaded = load(self.root / "queues.yaml", {})
        assert loaded.routing is not None, loaded.problems
        assert loaded.parsed is not None
        return scan(loaded.parsed, self.root, list(paths) or None)

    def told(self, *paths: Path) -> list[str]:
        """The problems of the code, as printed, with files named from the project's folder."""
        return [str(problem).replace(f"{self.root}/", "") for problem in self.scan(*paths).problems]

    def seen(self, text: str) -> list[str]:
        """The sites of an app/site.py: `line: job queue`, or `line: ?` with the reason."""
        self.write("app/site.py", text)
        found = self.scan().sites
        return [f"{site.line}: {site.job or '?'}{f' {site.queue}' if site.queue else ''}" for site in found]
