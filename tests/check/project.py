"""A small project on the disk, and what the validator says about it."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

from qsup.check.cache import Cache, Section
from qsup.check.load import load
from qsup.check.scan import Scan, scan
from qsup.check.skim import Skim
from qsup.config import Parsed

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
        self.kept: dict[str, Section] = {}
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
        return self.in_every_way(loaded.parsed, list(paths) or None)

    def in_every_way(self, parsed: Parsed, paths: list[Path] | None) -> Scan:
        """What a plain scan finds; one with all that the scans before it have left in a cache must find the same."""
        plain = scan(parsed, self.root, paths)
        for _ in range(2):
            cache = Cache(old=self.kept)
            assert scan(parsed, self.root, paths, Skim(cache)) == plain
            self.kept = {
                name: {**self.kept.get(name, {}), **json.loads(json.dumps(new))} for name, new in cache.new.items()
            }
        return plain

    def told(self, *paths: Path) -> list[str]:
        """The problems of the code, as printed, with files named from the project's folder."""
        return [str(problem).replace(f"{self.root}/", "") for problem in self.scan(*paths).problems]

    def seen(self, text: str) -> list[str]:
        """The sites of an app/site.py: `line: job queue`, or `line: ?` with the reason."""
        self.write("app/site.py", text)
        found = self.scan().sites
        return [f"{site.line}: {site.job or '?'}{f' {site.queue}' if site.queue else ''}" for site in found]
