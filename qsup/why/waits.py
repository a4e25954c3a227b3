"""Why a job that waits is not running. Each function gives the reasons of one kind, from the facts alone.

Whether the claim would take the row is not decided here: `Live.ready` and `Live.unpaused` are the claim's own
conditions, and `Ahead` counts by them. What is decided here is the rest: who hears the queue, and how many of his
workers are free.
"""

from __future__ import annotations

from collections.abc import Iterator

from qsup.check.problem import counted, nearest, printable
from qsup.why.facts import Ahead, Facts, Listener, Live, Reason
from qsup.why.words import coarse, jobs, moment, since


def waiting(facts: Facts, live: Live) -> list[Reason]:
    """All reasons: first what needs somebody, then what time alone ends. Empty when nothing stops it."""
    hearing = heard_by(facts)
    return [
        *read_only(facts),
        *unheard(facts, live, hearing),
        *halted(hearing),
        *paused(facts, live),
        *unrouted(live, hearing),
        *early(facts, live),
        *(crowded(facts, live, hearing) if live.ready else ()),
        *held(facts, live),
    ]


def heard_by(facts: Facts) -> list[Listener]:
    """Who would take it."""
    return [one for one in facts.listeners if one.alive and one.hears]


def read_only(facts: Facts) -> Iterator[Reason]:
    """The server takes no claim."""
    server = facts.server
    if not (server.standby or server.read_only):
        return
    why = "it is a standby" if server.standby else "default_transaction_read_only is on for this user or database"
    yield Reason(
        code="read_only",
        sentence=f"this PostgreSQL only reads ({why}): nobody can claim anything through it",
        proof={"pg_is_in_recovery": server.standby, "default_transaction_read_only": server.read_only},
        next="name the primary in the DSN, or promote the standby: SELECT pg_promote()",
    )


def unheard(facts: Facts, live: Live, hearing: list[Listener]) -> Iterator[Reason]:
    """Nobody alive hears its queue: because no file declares it, or none gives it workers, or they are not there."""
    if hearing:
        return
    if live.retired_at is not None:
        yield _undeclared(facts, live, live.retired_at)
    elif live.workers == 0:
        yield Reason(
            code="no_workers",
            sentence=f"the queue {live.queue} is declared without workers{_near(facts, live.queue)}",
            proof={"workers": 0},
            next=_declare(facts, live, "give it `workers:` in queues.yaml, then `qsup apply`"),
        )
    else:
        yield _deserted(facts, live)


def _undeclared(facts: Facts, live: Live, retired_at: object) -> Reason:
    return Reason(
        code="undeclared",
        sentence=f"no applied queues.yaml declares the queue {live.queue}: nobody hears it{_near(facts, live.queue)}",
        proof={"retired_at": retired_at},
        next=_declare(facts, live, f"declare {live.queue} with workers in queues.yaml, then `qsup apply`"),
    )


def _near(facts: Facts, queue: str) -> str:
    hint = nearest(queue, [name for name in facts.server.served if name != queue])
    return f" ({hint})" if hint else ""


def _declare(facts: Facts, live: Live, else_: str) -> str:
    if facts.file_workers:
        workers = counted(facts.file_workers, "worker")
        return f"qsup apply (the queues.yaml here declares {live.queue} with {workers}; it is not applied)"
    move = f"or move this job: `qsup cancel {live.id}`, then `qsup retry {live.id} --to QUEUE`"
    return f"{else_}; {move}"


def _deserted(facts: Facts, live: Live) -> Reason:
    declaring = [one for one in facts.listeners if one.declared]
    alive = next((one for one in declaring if one.alive), None)
    last = next((one for one in declaring if not one.alive), None)
    if alive is not None:
        how = (
            f": {alive.name} is alive and declares {counted(alive.declared or 0, 'worker')}, but none of them is there"
        )
        do = f"qsup status (on {alive.host}: it says what became of its workers)"
    elif last is not None:
        how = f": the last one, {last.name}, has been silent for {coarse(last.silent_s)}"
        do = f"qsup run (on {last.host})"
    else:
        how, do = " and nobody who declares it has signed on", "qsup run"
    witness, workers = alive or last, counted(live.workers, "worker")
    return Reason(
        code="unheard",
        sentence=f"the queue {live.queue} is declared with {workers}, but nobody alive hears it{how}",
        proof={"workers": live.workers, "last_beat": witness and witness.beat_at, "supervisor": witness and witness.id},
        next=do,
    )


def halted(hearing: list[Listener]) -> Iterator[Reason]:
    """All who hear it claim nothing, as far as we can see."""
    if hearing and all(one.halted for one in hearing):
        one = hearing[0]
        yield Reason(
            code="halted",
            sentence=f"{one.name} hears its queue, but {one.halted}",
            proof={"pid": one.pid, "host": one.host, "supervisor": one.id},
            next=f"kill -CONT {one.pid}" if "paused" in one.halted else "qsup run (when it has stopped)",
        )


def paused(facts: Facts, live: Live) -> Iterator[Reason]:
    """By an operator, on all hosts."""
    if not live.unpaused:
        yield Reason(
            code="paused",
            sentence=f"the queue {live.queue} is paused by {live.paused_by}{since(live.paused_at, facts.server.now)}",
            proof={"paused_by": live.paused_by, "paused_at": live.paused_at},
            next=f"qsup resume {live.queue}",
        )


def unrouted(live: Live, hearing: list[Listener]) -> Iterator[Reason]:
    """The claim takes it, and its courier, who knows no handler, gives it back."""
    if hearing and not any(one.routes for one in hearing):
        yield Reason(
            code="unrouted",
            sentence=f"no file of those who hear {live.queue} routes {live.job}: taken, it is given back each time "
            f"for 30 s",
            proof={"files": [one.name for one in hearing]},
            next=f"add {live.job} to `jobs:` in {hearing[0].file}",
        )


def early(facts: Facts, live: Live) -> Iterator[Reason]:
    """Its time has not come, or has come and nobody has made it ready."""
    if live.ready or live.state != "scheduled":
        return
    proof = {"available_at": live.available_at, "due_in_s": round(live.due_in, 3)}
    if live.due_in <= 0:
        late = coarse(-live.due_in)
        yield Reason(
            code="due",
            sentence=f"its time came {late} ago, at {moment(live.available_at)}, and it has not been made ready yet",
            proof=proof,
            next=f"qsup release {live.id} (where somebody hears its queue, housekeeping does it within a second)",
        )
        return
    at = f"{moment(live.available_at)} (in {coarse(live.due_in)})"
    again = bool(live.attempts or live.crashes)
    yield Reason(
        code="backoff" if again else "not_due",
        sentence=f"{_attempt(facts, live)} is not due until {at}{_last(facts)}"
        if again
        else f"it is not due until {at}",
        proof=proof | ({"attempts": live.attempts, "crashes": live.crashes} if again else {}),
        next=f"qsup release {live.id} (it need not wait)",
    )


def _attempt(facts: Facts, live: Live) -> str:
    tries = facts.tries or live.tries
    return f"attempt {live.attempts + 1}{f' of {tries}' if tries else ''}"


def _last(facts: Facts) -> str:
    told = next((event for event in reversed(facts.events) if event["kind"] != "progress"), None)
    if told is None:
        return ""
    return f", after {told['kind']}{': ' + printable(told['detail']) if told['detail'] else ''}"


def crowded(facts: Facts, live: Live, hearing: list[Listener]) -> Iterator[Reason]:
    """All workers are at work, or what comes before it takes those that are free."""
    if not hearing or all(one.halted for one in hearing):
        return
    free = sum(one.free for one in hearing)
    own = sum(one.jobs for one in facts.ahead if one.queue == live.queue)
    first = [one for one in facts.ahead if one.queue != live.queue and one.unpaused and one.jobs]
    if free == 0:
        yield _busy(facts, live, hearing)
    if own + sum(one.jobs for one in first) and own >= spare(facts, hearing):
        yield _behind(live, own, first, facts, hearing[0].pool)


def spare(facts: Facts, hearing: list[Listener]) -> int:
    """Free workers that are left for the queue when those have taken what they serve first."""
    left: dict[tuple[str, ...], int] = {}
    for one in hearing:
        left[one.first] = left.get(one.first, 0) + one.free
    ahead = {one.queue: one.jobs for one in facts.ahead if one.unpaused}
    return sum(max(0, free - sum(ahead.get(queue, 0) for queue in first)) for first, free in left.items())


def _busy(facts: Facts, live: Live, hearing: list[Listener]) -> Reason:
    at_work = sorted((slot for one in hearing for slot in one.busy), key=lambda slot: slot.since)
    workers = sum(one.workers for one in hearing)
    proof = {"workers": workers, "busy": len(at_work)}
    if not at_work:
        # A file of another age: who hears the queue says so, and not with which workers.
        return Reason(
            code="busy", sentence=f"nobody who hears {live.queue} has a worker for it", proof=proof, next="qsup status"
        )
    oldest = at_work[0]
    told = {name: getattr(oldest, name) for name in ("id", "job", "queue", "slot", "since")}
    one = f"the only worker of {live.queue} is" if workers == 1 else f"all {workers} workers of {live.queue} are"
    which = f"{'' if workers == 1 else 'the oldest: '}job {oldest.id}, {oldest.job}, in {oldest.slot}"
    return Reason(
        code="busy",
        sentence=f"{one} busy ({which}{since(oldest.since, facts.server.now)})",
        proof=proof | {"oldest": told},
        next=f"qsup job {oldest.id}, or more workers: qsup scale {oldest.slot.rpartition(':')[0]} {workers + 1}",
    )


def _behind(live: Live, own: int, first: list[Ahead], facts: Facts, pool: str) -> Reason:
    total = own + sum(one.jobs for one in first)
    parts = ", ".join(f"{one.jobs:,} of them in {one.queue}, which its workers serve first" for one in first)
    head = next((one.oldest for one in facts.ahead if one.jobs and (one.unpaused or one.queue == live.queue)), None)
    return Reason(
        code="behind",
        sentence=f"{jobs(total)} {'comes' if total == 1 else 'come'} before it{parts and ': '}{parts}",
        proof={"jobs": total, "queues": {live.queue: own} | {one.queue: one.jobs for one in first}, "next": head},
        next=f"nothing to do but wait; more workers make it shorter: qsup scale {pool} N",
    )


def held(facts: Facts, live: Live) -> Iterator[Reason]:
    """The claim skips locked rows."""
    if live.ready and live.held_by is not None:
        yield Reason(
            code="held",
            sentence=f"PostgreSQL's process {live.held_by} ({printable(live.holder or 'unknown')}) holds its row in a "
            f"transaction{since(live.held_since, facts.server.now)}, so every claim passes it over",
            proof={"pid": live.held_by, "holder": live.holder, "since": live.held_since},
            next=f"end that transaction there, or: SELECT pg_terminate_backend({live.held_by})",
        )
