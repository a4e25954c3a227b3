"""From what was found about a job to why it is not running. Pure; docs/reference/why.md lists the codes."""

from __future__ import annotations

from dataclasses import replace

from qsup.why.codes import HARMLESS
from qsup.why.ends import failed, over, running
from qsup.why.facts import Facts, Live, Reason, Verdict
from qsup.why.waits import read_only, waiting


def judge(facts: Facts) -> Verdict:
    """The answer: all reasons, the one that counts first."""
    live = facts.live
    reasons = _reasons(facts, live)
    waits = live is not None and live.state != "running"
    row = facts.failed or facts.done or {}
    return Verdict(
        id=facts.id,
        state=_state(facts),
        queue=live.queue if live else row.get("queue", ""),
        job=live.job if live else row.get("job", ""),
        claimable=waits and all(reason.code in HARMLESS for reason in _of_the_row(facts, live)),
        reasons=reasons,
    )


def _reasons(facts: Facts, live: Live | None) -> list[Reason]:
    if live is None:
        return [over(facts)] if facts.failed is None else [failed(facts, facts.failed)]
    found = _of_the_row(facts, live)
    if live.step == "failed" and facts.failed is not None:
        hook = [replace(one, sentence=f"its failed hook: {one.sentence}") for one in found]
        return [failed(facts, facts.failed), *hook]
    return found


def _of_the_row(facts: Facts, live: Live | None) -> list[Reason]:
    if live is None:
        return []
    if live.state == "running":
        return [running(facts, live), *read_only(facts)]
    return waiting(facts, live) or [_next(facts, live)]


def _next(facts: Facts, live: Live) -> Reason:
    free = [one for one in facts.listeners if one.alive and one.hears and one.free]
    workers = sum(one.free for one in free)
    return Reason(
        code="next",
        sentence=f"nothing stops it: it is ready, and {workers} of the workers of {live.queue} can take it "
        f"({', '.join(one.name for one in free)})",
        proof={"free": workers, "ready": live.ready, "unpaused": live.unpaused},
        next=f"wait a second; should it stay so: qsup status (on {free[0].host}: are its workers alive?)"
        if free
        else "",
    )


def _state(facts: Facts) -> str:
    if facts.failed is not None:
        return "discarded" if facts.failed["discarded_at"] else "failed"
    if facts.live is not None:
        return facts.live.state
    if facts.done is not None:
        return "done"
    return "gone" if facts.events else "unknown"


def unreachable(number: int, message: str, hint: str, here: Reason | None) -> Verdict:
    """The answer when PostgreSQL gives none; `here`: what this host knows of the job."""
    away = Reason(code="unreachable", sentence=f"{' '.join(message.split())}: nobody can claim anything", next=hint)
    state = "unknown" if here is None else "running"
    reasons = [away] if here is None else [here, away]
    return Verdict(id=number, state=state, queue="", job="", claimable=False, reasons=reasons)
