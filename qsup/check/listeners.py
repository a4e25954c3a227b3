"""Who is alive and hears what, against what queues.yaml declares. Reads only, over a connection of the caller's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qsup.check.problem import Problem
from qsup.check.rows import read
from qsup.routing import Routing

ALIVE = """
    SELECT s.host, s.pid, s.config_file, s.listens, s.declares FROM qsup.supervisors AS s
    WHERE s.beat_at > clock_timestamp() - interval '30 seconds' ORDER BY s.host, s.pid
"""
"""A supervisor or a solo worker writes its heartbeat every ten seconds; three that are missing make it silent."""
READABLE = """
    SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'qsup' AND c.relname = 'supervisors'
"""


@dataclass(frozen=True, slots=True)
class Listener:
    """A process that has given a sign of life: `qsup run`, or a solo worker."""

    host: str
    pid: int
    file: str
    listens: frozenset[str]
    declares: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file} of process {self.pid} on {self.host}"


def check(routing: Routing, connection: Any) -> list[Problem]:
    """Queues of the file that nobody alive hears, or only processes that know another file. `connection`: psycopg's."""
    readable = [row[0] for row in read(connection, READABLE)]
    if not readable:
        hint = "`qsup migrate`, then `qsup run`"
        return [Problem(code="Q503", message="this database has no qsup tables, so nobody hears anything", hint=hint)]
    if not all(readable):
        message = "this role may not read qsup.supervisors, so who is alive is not known"
        return [Problem(code="Q308", message=message, hint="use the role of `qsup run`, or grant it SELECT")]
    alive = [
        Listener(host, pid, file, frozenset(listens), declares)
        for host, pid, file, listens, declares in read(connection, ALIVE)
    ]
    return list(judge(routing, alive))


def judge(routing: Routing, alive: Sequence[Listener]) -> Iterator[Problem]:
    """The findings, one for each queue that is to be served. Pure."""
    served = [name for name in routing.queues if routing.server(name)]
    if served and not alive:
        message = f"nothing of qsup is alive: none of the {len(served)} queues is heard on any host"
        yield Problem(code="Q503", message=message, hint="start `qsup run`")
        return
    for queue in served:
        hearing = [one for one in alive if queue in one.listens]
        if not hearing:
            yield _unheard(routing, queue)
        elif not any(_knows(one, routing, queue) for one in hearing):
            yield _old_world(routing, queue, hearing)


def _unheard(routing: Routing, queue: str) -> Problem:
    server = routing.server(queue) or queue
    workers = routing.queues[server].workers
    by = "" if server == queue else f" of {server}"
    message = f"queue {queue} declares {workers} workers{by}, but none that is alive on any host hears it"
    hint = "`qsup status` on its host says why; a process with an older file needs `qsup apply` or a new start"
    return Problem(code="Q501", message=message, hint=hint, queue=queue)


def _old_world(routing: Routing, queue: str, hearing: Sequence[Listener]) -> Problem:
    jobs = _jobs(routing, queue)
    strange = sorted(jobs - set().union(*(_known(one, queue) for one in hearing)))
    lacking = f", which does not know {', '.join(strange)}" if strange else ", with other jobs for it"
    message = f"queue {queue} is heard only by another generation of the file: {hearing[0]}{lacking}"
    hint = "save the file there, or start that process again"
    return Problem(code="Q502", severity="warning", message=message, hint=hint, queue=queue)


def _knows(one: Listener, routing: Routing, queue: str) -> bool:
    return _jobs(routing, queue) <= _known(one, queue)


def _jobs(routing: Routing, queue: str) -> set[str]:
    return {name for name, route in routing.routes.items() if route.queue == queue}


def _known(one: Listener, queue: str) -> set[str]:
    return {name for name, where in one.declares.get("jobs", {}).items() if where == queue}
