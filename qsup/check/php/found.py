"""A dispatch site of PHP code, and how the queue of a job that is dispatched there follows from everything around."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qsup.check.php.application import Application, queued
from qsup.check.php.classes import FRAMEWORK, Class
from qsup.check.php.jobs import OF_LARAVEL, Job
from qsup.check.php.numbers import Limit, own_timeout
from qsup.check.php.own import NOTHING, Named, Names, Own, or_else
from qsup.check.sites import Site

EVENT = "Illuminate\\Foundation\\Events\\Dispatchable"
"""The trait of events: their `dispatch()` calls listeners and queues nothing."""
MOST = 64
"""Sites of one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhpSite(Site):
    """A Site of PHP code; `job` is the class's name without its namespace."""

    full: str = ""
    """The class's full name."""
    kind: str = "job"
    """job, class (a queue that a class gives itself), listener, notification, mailable, broadcast, schedule, push."""
    connection: str = ""
    """As the code names it; empty for the default one."""
    written: tuple[Path, int, int] | None = None
    """Where the queue's name is written."""
    source: str = ""
    """For a queue that nothing names: which rule gave it."""
    limit: Limit | None = None
    """How long its class says that it may run, before whatever its worker says."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How a job is sent, besides what it says itself."""

    queue: Names = NOTHING
    """What overrides everything the job says."""
    connection: Names = NOTHING
    chain: Names = NOTHING
    """What counts when the job's object says nothing: the queue of its chain."""
    kind: str = "job"
    only: bool = False
    """What the job says of itself does not count: batches and `Queue::push`."""
    always: bool = False
    """Queued even when its class does not ask for it."""
    constructed: bool = True


@dataclass(slots=True)
class Resolver:
    """From a job and how it is sent to the sites."""

    app: Application
    own: Own
    forwards: Mapping[str, Names] = field(default_factory=dict)
    """Of `Queue::forward`: from a queue to those that its jobs go to."""
    limits: dict[str, Limit | None] = field(default_factory=dict)
    """What was asked already, by class."""

    def sites(self, job: Job, sent: Sent, at: tuple[Path, int, int]) -> Iterator[PhpSite]:
        """The sites of one job in one place; none when it runs at once."""
        if job.one is not None and self._at_once(job.one, sent):
            return
        connection = or_else(sent.connection, self._connection(job, sent))
        if self.app.without_queue(connection):
            return
        names = [one for name in self._names(job, sent, connection) for one in self._forwarded(name)]
        for name in list(dict.fromkeys(names))[:MOST]:
            yield self._site(job, name, sent, connection, at)

    def _at_once(self, one: Class, sent: Sent) -> bool:
        """True for a class that is certainly not queued."""
        if sent.always:
            return False
        if EVENT in self.app.classes.names(one):
            return True
        return queued(one, self.app.classes) == "no"

    def _connection(self, job: Job, sent: Sent) -> Names:
        if sent.only or job.one is None:
            return job.connection if not sent.only else NOTHING
        given = self.own.explicit(job.one, "connection", job.given, constructed=sent.constructed)
        return or_else(or_else(job.connection, given), self.own.fallback(job.one, "connection"))

    def _names(self, job: Job, sent: Sent, connection: Names) -> Names:
        names = sent.queue
        if not sent.only:
            names = or_else(names, self._said(job, sent))
        names = or_else(names, sent.chain)
        if job.one is not None and not sent.only:
            names = or_else(names, self.own.fallback(job.one, "queue"))
            names = or_else(names, self._outside(job.one, sent))
        elif job.name not in OF_LARAVEL and not sent.only:
            named = f"class {job.name} is not in the code" if job.name else job.why
            names = or_else(names, (Named(why=f"{named}, nor the queue it gives itself" if job.name else named),))
        return or_else(names, self.app.default_queue(connection))

    def _said(self, job: Job, sent: Sent) -> Names:
        if job.one is None:
            return job.queue
        return or_else(job.queue, self.own.explicit(job.one, "queue", job.given, constructed=sent.constructed))

    def _outside(self, one: Class, sent: Sent) -> Names:
        """Why the class's own queue is not known: it inherits from code that is not there."""
        for step in self.app.classes.lineage(one):
            for above in step.parents:
                if "\\" in above and not above.startswith(FRAMEWORK) and self.app.classes.find(above) is None:
                    return (Named(why=f"{one.short} extends {above}, which is not in the code"),)
        if not sent.always and queued(one, self.app.classes) == "unknown":
            return (Named(why=f"whether {one.short} is queued, and where, is decided in code that is not there"),)
        return NOTHING

    def _forwarded(self, name: Named) -> Names:
        return self.forwards.get(name.name, (name,)) if name.name else (name,)

    def _site(self, job: Job, name: Named, sent: Sent, connection: Names, at: tuple[Path, int, int]) -> PhpSite:
        short = job.name.rpartition("\\")[2]
        written = (name.file, name.line, name.column) if name.file is not None and name.name else None
        via = ", ".join(one.name for one in connection if one.name)
        return PhpSite(
            file=at[0],
            line=at[1],
            column=at[2],
            job=short,
            full=job.name,
            queue=name.name or None,
            why="" if name.name else name.why or job.why or "which queue it is shows only when the program runs",
            kind=sent.kind,
            connection=via,
            written=written,
            source=name.source if name.name else "",
            limit=self._limit(job.one),
            unclear_queue=bool(name.why) and name in (*sent.queue, *sent.chain, *job.queue),
        )

    def _limit(self, one: Class | None) -> Limit | None:
        if one is None:
            return None
        if one.name not in self.limits:
            self.limits[one.name] = own_timeout(one, self.app)
        return self.limits[one.name]
