"""Writing outcomes: reports of workers become done, again, failed or released rows, by the rules of the moment.

Nothing is dropped: a row that a dying transaction still holds stays pending and is tried at the next turn, and one bad
outcome (SQLSTATE class 22 or 23) is singled out and stored as failed, so that it never blocks the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from qsup.courier.ports import Database, Fail, Unstorable
from qsup.outcome import Again, Done, Failed, Outcome, Released, Report, Rules, decide
from qsup.routing import MARGIN, Routing
from qsup.rows import Claimed, Key

HOOK_TRIES = 3
"""A failed hook is itself tried so often; then its own failure is an event."""

ORPHAN = Rules(
    tries=3, backoff=(5.0, 15.0, 60.0), jitter=0.1, timeout=60.0, grace=10.0, margin=MARGIN, max_crashes=3, keep=0.0,
    failed=None,
)  # fmt: skip
"""The built-in defaults."""


@dataclass(slots=True)
class Pending:
    """An outcome that is not stored yet. `job` is None until the database was asked (after a courier's restart)."""

    key: Key
    report: Report
    job: Claimed | None
    slot: str = ""
    reply: bool = False
    """The worker waits to hear that it is stored."""


@dataclass(slots=True)
class Sorted:
    """Outcomes by the statement that stores them."""

    done: list[Key] = field(default_factory=list)
    archive: list[Key] = field(default_factory=list)
    again: list[tuple[Key, Again]] = field(default_factory=list)
    fail: list[Fail] = field(default_factory=list)
    release: list[tuple[Key, str]] = field(default_factory=list)


@dataclass(slots=True)
class Stored:
    """What came of recording."""

    settled: set[Key] = field(default_factory=set)
    """Need not be kept any longer: stored, or no longer ours."""
    late: int = 0
    """Of those: claims that were no longer ours."""
    ready: set[str] = field(default_factory=set)
    """Queues that have a ready row again."""
    due: list[tuple[str, float]] = field(default_factory=list)
    """(queue, seconds) of rows that were scheduled."""


class Recorder:
    """Knows every rule it has ever been given: a job of a queue that has left the file still ends by its last rules."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        """A random number in [0, 1), for jitter."""
        self.routing: Routing | None = None
        self.timeouts: dict[str, float] = {}
        """Seconds, of the job classes that have a time limit of their own."""
        self._rules: dict[tuple[str, str], Rules] = {}

    def configure(self, routing: Routing) -> None:
        """Use these rules; queues and routes that are gone keep their last ones."""
        if self.routing is not None:
            routing = Routing(
                queues={**self.routing.queues, **routing.queues}, routes={**self.routing.routes, **routing.routes},
                payload_limit=routing.payload_limit, database=routing.database, code=routing.code,
            )  # fmt: skip
        self.routing = routing
        self.timeouts = {one.job: one.timeout for one in routing.routes.values() if one.timeout is not None}
        self._rules.clear()

    def rules(self, job: Claimed) -> Rules:
        """The rules of the moment; ORPHAN for a queue that left the file before this courier was started."""
        if self.routing is None or job.queue not in self.routing.queues:
            return ORPHAN
        found = self._rules.get((job.type, job.queue))
        if found is None:
            found = self._rules[job.type, job.queue] = self.routing.rules(job.type, job.queue)
        return found

    def divide(self, pendings: Iterable[Pending]) -> tuple[list[Key], list[Pending]]:
        """Those that are plainly done, of queues without a history; and all others."""
        done: list[Key] = []
        others: list[Pending] = []
        for one in pendings:
            if one.job is not None and one.report.kind == "done" and self.rules(one.job).keep <= 0:
                done.append(one.key)
            else:
                others.append(one)
        return done, others

    def sort(self, pendings: Iterable[Pending]) -> Sorted:
        """Decide each outcome."""
        found = Sorted()
        for pending in pendings:
            if pending.job is not None:
                self._place(found, pending.job, pending.report)
        return found

    def _place(self, found: Sorted, job: Claimed, report: Report) -> None:
        rules = self.rules(job)
        match self._outcome(job, report, rules):
            case Done():
                (found.archive if rules.keep > 0 else found.done).append(job.key)
            case Again() as again:
                found.again.append((job.key, again))
            case Failed() as failed:
                found.fail.append((job.key, failed, report, rules.failed is not None))
            case Released():
                found.release.append((job.key, report.reason))

    def _outcome(self, job: Claimed, report: Report, rules: Rules) -> Outcome:
        if job.step == "failed":
            rules = hook_rules(rules)
        chance = self._chance()
        outcome = decide(report, rules, attempt=job.attempts, crashes=job.crashes, chance=chance)
        # `unknown`, and the row is still there with our claim: its transaction was rolled back.
        lost = Report(kind="error", reason=f"the answer to its COMMIT was lost: {report.reason}")
        return outcome or decide(lost, rules, attempt=job.attempts, crashes=job.crashes, chance=chance) or Released()


def hook_rules(rules: Rules) -> Rules:
    """A failed hook has its own small number of tries."""
    return Rules(
        tries=HOOK_TRIES, backoff=rules.backoff, jitter=rules.jitter, timeout=rules.timeout, grace=rules.grace,
        margin=rules.margin, max_crashes=rules.max_crashes, keep=0.0, failed=None,
    )  # fmt: skip


def resolve(database: Database, pendings: Sequence[Pending]) -> list[Pending]:
    """Ask the database about outcomes whose job we do not know; those that it does not know either are left out.

    Also about every end that is not plainly done (those are told apart when they are recorded): one that comes too
    late is noticed.
    """
    asked = {pending.key for pending in pendings if pending.job is None or pending.report.kind != "done"}
    known = database.lookup(sorted(asked)) if asked else {}
    for pending in pendings:
        if pending.key in asked:
            pending.job = known.get(pending.key)
    return [pending for pending in pendings if pending.job is not None]


def record(database: Database, sorted_: Sorted) -> Stored:
    """Store everything but the plain done ones (they ride with the next claim). One bad row is singled out."""
    try:
        return _record(database, sorted_)
    except Unstorable:
        return _one_by_one(database, sorted_)


def _record(database: Database, sorted_: Sorted) -> Stored:
    stored = Stored()
    tried: list[Key] = []
    if sorted_.archive:
        database.archive(sorted_.archive)
        tried += sorted_.archive
    if sorted_.again:
        for _, queue, delay in database.reschedule(sorted_.again):
            stored.ready |= set() if delay > 0 else {queue}
            stored.due += [(queue, delay)] if delay > 0 else []
        tried += [key for key, _ in sorted_.again]
    if sorted_.fail:
        database.fail(sorted_.fail)
        tried += [key for key, *_ in sorted_.fail]
    if sorted_.release:
        stored.ready |= {queue for _, queue in database.release(sorted_.release)}
        tried += [key for key, _ in sorted_.release]
    stored.settled = set(tried) - still_held(database, tried)
    return stored


def still_held(database: Database, keys: Sequence[Key]) -> set[Key]:
    """Of these just recorded claims, those still running: a dying transaction holds the row. Try them again."""
    return set(database.lookup(keys)) if keys else set()


def _one_by_one(database: Database, sorted_: Sorted) -> Stored:
    total = Stored()
    for single in singles(sorted_):
        try:
            one = _record(database, single)
        except Unstorable as error:
            one = _record(database, Sorted(fail=[unstorable(key, error) for key in keys_of(single)]))
        total.settled |= one.settled
        total.ready |= one.ready
        total.due += one.due
    return total


def singles(sorted_: Sorted) -> list[Sorted]:
    """One Sorted per outcome."""
    return [
        *(Sorted(archive=[one]) for one in sorted_.archive),
        *(Sorted(again=[again]) for again in sorted_.again),
        *(Sorted(fail=[fail]) for fail in sorted_.fail),
        *(Sorted(release=[release]) for release in sorted_.release),
    ]


def keys_of(sorted_: Sorted) -> list[Key]:
    """The claims in it."""
    return [*sorted_.archive, *(one[0] for one in sorted_.again), *(one[0] for one in sorted_.fail),
            *(one[0] for one in sorted_.release)]  # fmt: skip


def unstorable(key: Key, error: Unstorable) -> Fail:
    """What is stored instead of an outcome that PostgreSQL refuses."""
    reason = f"its outcome could not be stored: {error}"
    return key, Failed("unstorable", reason), Report(kind="error", reason=reason), False
