"""How long jobs may run, as Horizon and the jobs themselves say it, against stops and retry_after. Pure.

Q620, Q621, Q624 and Q631 of Horizon's supervisors; Q620 for jobs with a `$timeout` of their own, which counts before
their worker's --timeout.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from qsup.check.problem import Problem, Severity
from qsup.check.supervisord.horizon import Pool
from qsup.check.supervisord.listeners import Connections, Listener
from qsup.check.supervisord.rules import at

MARGIN = 10
"""Seconds between a job's end and a stop's, as a hint has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """A job that says itself how long it may run."""

    job: str
    queue: str
    timeout: int
    """Seconds; 0 = without end."""
    place: str
    """`app/Jobs/Charge.php:12`."""


def of_horizon(listeners: Iterable[Listener], connections: Connections) -> Iterator[Problem]:
    """The findings about Horizon alone."""
    told: set[int] = set()
    for one in listeners:
        if one.kind != "horizon" or one.why:
            continue
        if one.pool is None:
            message = "starts no worker: config/horizon.php has no supervisors for its environment"
            yield at(one.program, "command", "Q631", message, "error", "the key of `environments` is APP_ENV")
            continue
        yield from _twice(one, one.pool, connections)
        yield from _stops(one, one.pool.timeout, one.pool.name)
        if id(one.program) not in told:
            told.add(id(one.program))
            yield from _dead(one)


def _twice(one: Listener, pool: Pool, connections: Connections) -> Iterator[Problem]:
    limit = connections.gives_up_after(pool.connection)
    if limit is not None and not 0 < pool.timeout < limit:
        message = f"{_lasts(f'a job of {pool.name}', pool.timeout)}, but after {limit:g} s (retry_after of connection "
        message += f"{pool.connection}) another worker begins it too"
        hint = f"a `timeout` below {limit:g}, or a longer retry_after in config/queue.php"
        queue = pool.queues[0] if pool.queues else None
        yield at(one.program, "command", "Q624", message, "error", hint, queue)


def _dead(one: Listener) -> Iterator[Problem]:
    restart = one.program.values.get("autorestart", "always")
    if restart != "always" and not (restart == "unexpected" and 0 not in one.program.values["exitcodes"]):
        message = "stays dead after `horizon:terminate`, which every deployment gives: nobody hears its queues any more"
        severity: Severity = "error" if restart == "never" else "warning"
        yield at(one.program, "autorestart", "Q621", message, severity, "autorestart=true")


def _stops(one: Listener, timeout: int, who: str) -> Iterator[Problem]:
    wait = one.program.values.get("stopwaitsecs")
    if wait is not None and not 0 < timeout <= wait:
        message = f"kills a running job {wait} s after a stop (stopwaitsecs), but {_lasts(who, timeout)}"
        hint = f"stopwaitsecs={timeout + MARGIN}" if timeout else "give it a timeout"
        yield at(one.program, "stopwaitsecs", "Q620", message, "warning", hint, one.queues[0] if one.queues else None)


def _lasts(who: str, timeout: int) -> str:
    return f"{who} may run {timeout} s" if timeout else f"{who} may run for ever (timeout 0)"


def of_jobs(listeners: Iterable[Listener], jobs: Collection[Lasting]) -> Iterator[Problem]:
    """For each program the longest of the jobs on its queues, where it may run longer than what its workers allow."""
    for one in listeners:
        known = [job for job in jobs if job.queue in one.queues and not one.why and one.kind in ("laravel", "horizon")]
        if known:
            longest = max(known, key=lambda job: (not job.timeout, job.timeout, job.job))
            if not 0 < longest.timeout <= _allowed(one):
                who = f"{longest.job} ($timeout at {longest.place})"
                yield from _stops(one, longest.timeout, who)


def _allowed(one: Listener) -> float:
    """Seconds that the worker itself gives to a job, of which other rules have told; without end is more than any."""
    own = one.pool.timeout if one.pool else int(one.worked.options["timeout"]) if one.worked else 0
    return own or float("inf")
