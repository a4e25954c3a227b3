"""Where a job is that does not wait: it runs, or it has come to an end."""

from __future__ import annotations

from qsup.check.problem import printable
from qsup.why.facts import Facts, Listener, Live, Reason, Row
from qsup.why.words import coarse, moment, since


def running(facts: Facts, live: Live) -> Reason:
    """A worker has it: at work, not begun yet, or with a supervisor that nobody hears any more."""
    owner = next((one for one in facts.listeners if one.id == live.supervisor), None)
    proof = {
        "slot": live.slot, "supervisor": live.supervisor, "claim": live.claim, "reserved_at": live.reserved_at,
        "lease_until": live.lease_until,
    }  # fmt: skip
    if owner is None or not owner.alive:
        return _lost(live, owner, proof)
    where = f"{live.slot} on {owner.host} (pid {owner.pid})"
    proof |= {"host": owner.host, "pid": owner.pid}
    if facts.before_it is not None or facts.begun is False:
        return _handed(facts, live, where, proof)
    tries = facts.tries or live.tries
    attempt = f", attempt {live.attempts}{f' of {tries}' if tries else ''}" if live.step == "run" else ""
    return Reason(
        code="running",
        sentence=f"it is running in {where}{since(live.reserved_at, facts.server.now)}{attempt}",
        proof=proof | {"attempt": live.attempts},
        next=f"qsup job {live.id} --follow (qsup cancel {live.id} ends it)",
    )


def _handed(facts: Facts, live: Live, where: str, proof: dict[str, object]) -> Reason:
    first = facts.before_it
    why = f"is at job {first.id} ({first.job}) first" if first else "has not begun it"
    return Reason(
        code="handed",
        sentence=f"it was given to {where}{since(live.reserved_at, facts.server.now)}, which {why}",
        proof=proof | {"before": first and first.id},
        next="wait: what is not begun is taken back after 5 s, and behind a long job after 1 s",
    )


def _lost(live: Live, owner: Listener | None, proof: dict[str, object]) -> Reason:
    silent = "is not there any more" if owner is None else f"has been silent for {coarse(owner.silent_s)}"
    host = "" if owner is None else f" on {owner.host} (pid {owner.pid})"
    until = "" if live.lease_until is None else moment(live.lease_until)
    lease = f"its lease is over since {until}" if live.lease_over else f"its lease ends at {until}"
    return Reason(
        code="lost",
        sentence=f"it was claimed by {live.slot}{host}, whose supervisor {silent}; {lease}, then any living supervisor "
        f"makes it ready again",
        proof=proof | {"silent_s": owner and round(owner.silent_s, 1)},
        next="qsup run" if live.lease_over else f"qsup release {live.id} --force (if that worker lives, it runs twice)",
    )


def failed(facts: Facts, row: Row) -> Reason:
    """It has failed for good."""
    message = ": ".join(part for part in (row["exception"], printable(row["message"])) if part)
    what = f": {message}" if message else ""
    at = moment(row["failed_at"])
    code = row["cause"] if row["cause"] in ("quarantined", "cancelled") else "failed"
    proof = {name: row[name] for name in ("cause", "failed_at", "attempts", "crashes", "fingerprint")}
    if row["discarded_at"] is not None:
        return Reason(
            code="discarded",
            sentence=f"it failed at {at}{what}; command {row['discarded_by']} discarded it, and it is deleted for good "
            f"after {moment(row['deleted_at'])}",
            proof=proof | {"discarded_at": row["discarded_at"], "discarded_by": row["discarded_by"]},
            next=f"qsup flush --undo {row['discarded_by']}, then qsup retry {facts.id}",
        )
    sentence = {
        "quarantined": f"it was put aside (quarantined) at {at}: {row['crashes']} crashes of its worker{what}",
        "cancelled": f"it was cancelled at {at}{what}",
    }.get(code, f"it failed for good ({row['cause']}) at {at}, after {row['attempts']} tries{what}")
    look = f"qsup job {facts.id} tells more" if code != "cancelled" else ""
    return Reason(
        code=code, sentence=sentence, proof=proof, next=f"qsup retry {facts.id}{f' ({look})' if look else ''}"
    )


def over(facts: Facts) -> Reason:
    """It has no row that waits, runs or has failed."""
    if facts.done is not None:
        at = facts.done["finished_at"]
        return Reason(code="done", sentence=f"it is done since {moment(at)}", proof={"finished_at": at})
    if facts.events:
        last = facts.events[-1]
        told = f"{last['kind']}{': ' + printable(last['detail']) if last['detail'] else ''}, {moment(last['at'])}"
        sentence = f"its row is gone: it is done, or was deleted; the last that was told of it: {told}"
        return Reason(code="gone", sentence=sentence, proof={"event": last["id"]}, next=f"qsup job {facts.id}")
    return _unheard_of(facts)


def _unheard_of(facts: Facts) -> Reason:
    newest = facts.server.newest
    if newest is not None and facts.id > newest:
        return Reason(
            code="unknown",
            sentence=f"no job has this id yet: the newest is {newest}" if newest else "no job was ever put in here",
            proof={"newest": newest},
            next="is it the right database? `qsup status` names it; a dispatch counts when its transaction commits",
        )
    return Reason(
        code="gone",
        sentence="nothing of it is stored: it is done (which leaves no row, unless its queue says `keep:`), or was "
        "deleted, or its dispatch was rolled back or is not committed yet",
        proof={"newest": newest},
        next="`keep: 7d` in its queue makes finished jobs stay for a week",
    )
