"""One run: start, orders and accidents, mend, wait, look, stop, judge."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg

from qsup.errors import QsupError
from qsup.reaper import become_subreaper
from tests.chaos import accidents, orders, processes
from tests.chaos.accidents import Accident
from tests.chaos.database import Database
from tests.chaos.ledger import Ledger
from tests.chaos.mischief import Mischief
from tests.chaos.orders import Order
from tests.chaos.project import WORKERS, Project
from tests.chaos.report import Report
from tests.chaos.verdict import Facts, violations, wrong_connections

SLOTS = sum(WORKERS.values())
START_SECONDS = 90.0
DRAIN_SECONDS = 120.0
SETTLE_SECONDS = 60.0
STOP_SECONDS = 60.0
SPARE_SECONDS = 1800.0
"""What a run on a slow machine may last beyond its accidents, and what those may last beyond their plan."""


class Stuck(Exception):
    """Something did not happen in time; the run is over and this is its verdict."""


class Run:
    """Everything that belongs to one run."""

    def __init__(self, report: Report, folder: Path) -> None:
        rnd = random.Random(report.seed)  # noqa: S311  a seeded run, not a secret
        self.report, self.folder = report, folder
        self.seconds = report.minutes * 60
        self.embedded = rnd.random() < 0.5
        report.postgres = "embedded" if self.embedded else "server"
        start = rnd.choice(["fork", "fork", "exec"])
        roots, children = orders.mixed(rnd, report.jobs, self.seconds)
        self.orders: list[Order] = [*roots, *children]
        self.batches = orders.batches(rnd, roots, self.seconds)
        self.accidents = accidents.drawn(rnd, self.seconds, embedded=self.embedded)
        home = folder / ".qsup" if self.embedded else folder / "server" / ".qsup"
        self.database = Database(home, ours=not self.embedded)
        self.project = self._made_project(start)
        self.mischief = Mischief(self.project, self.database, self.nap)
        self.ledger = Ledger("")

    def play(self) -> None:
        """From the start to the verdict."""
        self._start()
        self._let_it_happen()
        self._drain()
        self._judge()

    def nap(self, seconds: float) -> None:
        """Sleep, and bury meanwhile what the killed have left to us, as init would."""
        deadline = time.monotonic() + seconds
        while True:
            self._bury()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(0.03, left))

    def wait(self, predicate: Callable[[], object], seconds: float, what: str) -> None:
        """Until it is true. Raises Stuck."""
        deadline = time.monotonic() + seconds
        while not predicate():
            if time.monotonic() > deadline:
                raise Stuck(f"after {seconds:g} s still not: {what}")
            self.project.keep_running()
            self.nap(0.1)

    def clean_up(self) -> None:
        """No process of the run survives it."""
        self.database.let_back()
        deadline = time.monotonic() + 20
        while processes.ours(self.folder) and time.monotonic() < deadline:
            processes.kill_all(self.folder)
            self.nap(0.1)

    def _made_project(self, start: str) -> Project:
        if not self.embedded:
            (self.folder / "server").mkdir(mode=0o755)
            self.database.start()
        project = Project(self.folder / "project", "" if self.embedded else self.database.dsn(), start)
        if self.embedded:
            self.database.home = project.folder / ".qsup"
        else:
            migrated = project.command("migrate")
            assert migrated.returncode == 0, migrated.stderr
        return project

    def _bury(self) -> None:
        supervisor = self.project.process
        spared = self.database.spared() | ({supervisor.pid} if supervisor and supervisor.poll() is None else set())
        processes.reap_adopted(spared)

    def _start(self) -> None:
        self.project.start()
        self.wait(lambda: self.project.serves(SLOTS), START_SECONDS, "the first workers serve")
        self.ledger.dsn = self.database.dsn()
        self.database.hurry()
        self.ledger.open()

    def _let_it_happen(self) -> None:
        begin = time.monotonic()
        batches, planned = list(self.batches), list(self.accidents)
        while batches or planned:
            self.mischief.undo_due(time.monotonic())
            self.project.keep_running()
            passed = time.monotonic() - begin
            while batches and batches[0][0] <= passed:
                self.ledger.add(batches.pop(0)[1])
            self.ledger.send()
            if planned and planned[0].at <= passed:
                self._happen(planned.pop(0))
            self.nap(0.05)
        self.mischief.mend()

    def _happen(self, accident: Accident) -> None:
        with (self.folder / "accidents").open("a") as log:
            log.write(f"{time.time():.3f} {accident}\n")
        with suppress(ProcessLookupError):
            self.mischief.do(accident)

    def _drain(self) -> None:
        begin = time.monotonic()
        self.database.start()
        self.wait(self.ledger.send, DRAIN_SECONDS, "all orders are dispatched")
        with suppress(Stuck):
            # What is left is told with the verdict.
            # However slow the machine is: as long as jobs end, others will.
            while left := self._left():
                self.wait(partial(self._fewer_than, left), DRAIN_SECONDS, "another job has ended")
        self.report.drained_s = round(time.monotonic() - begin, 1)
        self.wait(lambda: self.project.serves(SLOTS), SETTLE_SECONDS, f"{SLOTS} workers serve, and nothing is refused")
        with suppress(Stuck):
            self.wait(lambda: not wrong_connections(self.ledger.connections()), 20, "the connections are right")

    def _fewer_than(self, jobs: int) -> bool:
        return self._left() < jobs

    def _left(self) -> int:
        left = self.ledger.unfinished()
        return len(self.orders) if left is None else left

    def _judge(self) -> None:
        connections, zombies, counts = self.ledger.connections(), self._zombies(), self.ledger.counts()
        exit_code = self._stop()
        report = self.report
        report.effects, report.notes = sum(counts.effects.values()), sum(counts.notes.values())
        report.noted = sum(order.noted for order in self.orders)
        report.failed, report.events = dict(counts.causes), dict(counts.events)
        facts = Facts(
            orders=self.orders, counts=counts, mourned={int(line.split()[0]) for line in self._lines("mourned")},
            overlaps=self._lines("overlaps"), again=self._lines("again"), connections=connections, zombies=zombies,
            leftovers=self._leftovers(),
            run_files=os.listdir(self.project.run.path), ends=self.project.ends, exit_code=exit_code,
        )  # fmt: skip
        report.violations += violations(facts)

    def _zombies(self) -> list[str]:
        # A grandchild that a handler forgot is buried with its worker; that is the handler's.
        workers = {slot["pid"] for slot in self.project.state().get("slots", {}).values()}
        parents = set(processes.ours(self.project.folder)) - workers
        first = processes.zombies(parents)
        self.nap(1.0)
        return [f"pid {pid}" for pid in sorted(first & processes.zombies(parents))]

    def _stop(self) -> int | None:
        supervisor = self.project.process
        assert supervisor is not None
        self.project.killed = True
        supervisor.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while supervisor.poll() is None and time.monotonic() < deadline:
            self.nap(0.05)
        return supervisor.returncode

    def _leftovers(self) -> list[str]:
        deadline = time.monotonic() + 3
        while (left := processes.ours(self.project.folder)) and time.monotonic() < deadline:
            self.nap(0.1)
        return [f"pid {pid} ({title})" for pid, title in left.items()]

    def _lines(self, name: str) -> list[str]:
        file = self.project.folder / name
        return file.read_text().splitlines() if file.exists() else []


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """An alarm ends whatever hangs; TERM is taken like Ctrl-C, so that everything is cleaned up."""

    def ring(*_: object) -> None:
        raise Stuck(f"the whole run took longer than {seconds:.0f} s")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring), signal.signal(signal.SIGTERM, interrupt)
    signal.alarm(round(seconds))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGTERM, before[1])


def play(report: Report) -> None:
    """The run that the report names, in a folder of its own that is kept when something is wrong; fills the report."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "project").mkdir(mode=0o755)
    become_subreaper()
    begin = time.monotonic()
    report.folder = str(folder)
    run: Run | None = None
    try:
        with deadline(report.minutes * 60 * 2 + SPARE_SECONDS):
            run = Run(report, folder)
            run.play()
    except (Stuck, psycopg.Error, QsupError) as error:
        report.violations.append(f"{type(error).__name__}: {error}")
    finally:
        _finish(run, report)
        report.seconds = round(time.monotonic() - begin, 1)
    if report.passed:
        shutil.rmtree(folder, ignore_errors=True)
        report.folder = ""


def _finish(run: Run | None, report: Report) -> None:
    # A second Ctrl-C, or one that was sent to the whole group, must not leave processes behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if run is None:
        processes.kill_all(Path(report.folder))
        return
    report.accidents, report.missed = dict(run.mischief.done), dict(run.mischief.missed)
    report.starts = run.project.starts
    run.clean_up()
