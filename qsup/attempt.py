"""One run of a handler in a worker: its Context, which ends with it, and what is cleared away behind it.

What a handler has started and changed must not meet the next job: its Context refuses to work any more, processes that
a failed run left behind are ended before the failure is told, and the surroundings are put back (qsup.restore).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qsup import reaper
from qsup.board import boottime
from qsup.job import Context
from qsup.lines import LineWriter
from qsup.messages import Message, Progress, Work
from qsup.outcome import Report
from qsup.ownfiles import OwnFiles
from qsup.perform import SoftLimit, perform, settled, story
from qsup.restore import Surroundings
from qsup.storable import clean

if TYPE_CHECKING:
    from qsup.transaction import Connections, JobTransaction

BURST = 50
"""Steps of progress that a run may tell at once; after that one every STEP_EVERY seconds, and always the last."""
STEP_EVERY = 0.2
MOST_CHILDREN = 50
"""Processes (also dead ones that nobody has waited for) that jobs may leave behind before their worker must leave."""
GOOD = ("done", "committed")
LEFT_OPEN = "its ctx.transaction() was still open when the handler ended"


class Attempts:
    """Runs jobs in this process, one at a time."""

    def __init__(self) -> None:
        self.slot = ""
        self.send: Callable[[Message], None]
        self.spoiled: list[str] = []
        """Why a fresh worker must follow; empty when the next job may come."""
        self.disowned = False
        """Whether the handler has closed descriptors that are ours."""
        self.connections: Connections | None = None
        self.limit = SoftLimit()
        self._pid = 0
        self._surroundings = Surroundings()
        self._left: tuple[Work, Report, bool] | None = None

    def begin(self, slot: str, send: Callable[[Message], None]) -> None:
        """Be those of this process, which may have been forked since."""
        self.slot, self.send, self._pid = slot, send, os.getpid()
        self.limit.install()
        # The limit's alarm is in it, and is put back with the rest.
        self._surroundings.begin()
        # Orphaned grandchildren become ours, wherever they went: what a job starts can be found, and ends with us.
        reaper.become_subreaper()

    def run(self, work: Work, own: OwnFiles) -> Report:
        """Run the handler; `own` are what it must not close.

        Behind a good run `tidy` is still to be called: its outcome can be on its way meanwhile.
        """
        modules = len(sys.modules)
        attempt = Attempt(self, work)
        report = attempt.run()
        if os.getpid() != self._pid:
            # A child that the handler forked, and let return: there must not be two of this worker.
            os._exit(0 if report.kind == "done" else 1)
        if not own.are_there():
            self.disowned = True
            self.spoiled.append("file descriptors of the worker were closed")
        report = attempt.close(report)
        self._left = work, report, len(sys.modules) != modules
        if report.kind not in GOOD:
            # It may run again as soon as this is known: what it started must not go on beside that.
            self.tidy()
        return report

    def tidy(self) -> None:
        """Clear away behind the last run, if that is still to be done: before the next job begins."""
        if self._left is None:
            return
        work, report, imported = self._left
        self._left = None
        self.spoiled += self._surroundings.restore(imported=imported)
        self._end_children(report)
        self._tell(story(work, report))

    def close(self) -> None:
        """There will be no other job in this process."""
        self._surroundings.close()

    def _end_children(self, report: Report) -> None:
        if not reaper.has_children():
            return
        left = reaper.descendants(self._pid)
        if report.kind not in GOOD:
            reaper.end_descendants(self._pid)
            self.spoiled.append(f"the failed run left {len(left)} processes behind; they were ended")
        elif len(left) > MOST_CHILDREN:
            self.spoiled.append(f"{len(left)} processes were left behind")

    def _tell(self, text: str) -> None:
        if text:
            print(text, file=sys.stderr)
        if self.spoiled:
            print(f"a fresh worker follows this one: {'; '.join(self.spoiled)}", file=sys.stderr)
        # The handler's last line may lack its end.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, LineWriter):
                stream.finish()


class Attempt:
    """What one run may do, until its end."""

    def __init__(self, attempts: Attempts, work: Work) -> None:
        self.attempts, self.work = attempts, work
        self.limit = attempts.limit
        self.ended = False
        self.transaction: JobTransaction | None = None
        self._steps = 0
        self._step_due = 0.0
        self._held: Progress | None = None

    def run(self) -> Report:
        """The handler, from its first line to its last."""
        report = perform(self.work, self.context(), self.limit)
        self.ended = True
        return report

    def close(self, report: Report) -> Report:
        """The report, corrected by what became of the transaction."""
        if self._held is not None:
            self.attempts.send(self._held)
        if self.limit.rang:
            self.attempts.spoiled.append("an alarm at the time limit may have broken anything")
        if self.transaction is None:
            return report
        if self.transaction.abandon():
            self.attempts.spoiled.append(LEFT_OPEN)
            report = report if report.reason else Report(kind="error", reason=LEFT_OPEN)
        return settled(report, self.transaction.state)

    def context(self) -> Context:
        """What the handler gets.

        It is frozen for the handler, and its own constructor takes 2 microseconds for that, of a job's 45: four workers
        ran 3 percent more without (medians of five, in turns).
        """
        work, context = self.work, Context.__new__(Context)
        vars(context).update(
            job_id=work.id, claim_number=work.claim, attempt=work.attempt, tries=work.tries, crashes=work.crashes,
            queue=work.queue, slot=self.attempts.slot, timeout=work.timeout, error=work.error,
            open_transaction=self._transaction, open_connection=self._connection, send_progress=self._progress,
        )  # fmt: skip
        return context

    def _transaction(self) -> JobTransaction:
        # Only now is the database driver loaded.
        from qsup.transaction import Connections, JobTransaction

        self._check("transaction()")
        if self.transaction is not None:
            raise RuntimeError("ctx.transaction() ends the job: it can be used once per run")
        if self.attempts.connections is None:
            self.attempts.connections = Connections(f"worker:{self.attempts.slot}")
        rest = self.work.timeout + self.work.grace
        self.transaction = JobTransaction(
            self.work, self.attempts.connections, rest, self.limit.hold, lambda: self._check("transaction()")
        )
        return self.transaction

    def _connection(self) -> Any:
        from qsup.connect import open_connection

        self._check("connect()")
        return open_connection(self.work.dsn, role=f"worker:{self.attempts.slot}")

    def _progress(self, percent: float, note: str) -> None:
        # Best effort; a loop that tells every step must not drown the courier.
        self._check("progress()")
        step = Progress(self.work.id, self.work.claim, float(percent), clean(note[:500]))
        now = boottime()
        if self._steps >= BURST and now < self._step_due:
            self._held = step
            return
        self._steps, self._step_due, self._held = self._steps + 1, now + STEP_EVERY, None
        self.attempts.send(step)

    def _check(self, what: str) -> None:
        if self.ended or os.getpid() != self.attempts._pid:
            raise RuntimeError(f"ctx.{what}: job {self.work.id} has ended, or this is another process than its worker")
