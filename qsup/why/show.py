"""The verdict for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qsup.check.problem import printable
from qsup.why.facts import Reason, Verdict


def lines(verdict: Verdict) -> Iterator[str]:
    """One sentence, its proof and what to do next; then what else stops it, likewise."""
    named = ", ".join(part for part in (verdict.job, verdict.queue and f"queue {verdict.queue}") if part)
    first, *others = verdict.reasons
    yield f"job {verdict.id}{f' ({named})' if named else ''}: {first.sentence}"
    yield from _proof(first)
    for one in others:
        yield f"  besides: {one.sentence}"
        yield from _proof(one)


def _proof(reason: Reason) -> Iterator[str]:
    shown = {name: _plain(value) for name, value in reason.proof.items() if value is not None}
    if shown:
        yield f"    proof: {', '.join(f'{name} {printable(_words(value))}' for name, value in shown.items())}"
    if reason.next:
        yield f"    next: {reason.next}"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_words(one)}" for name, one in value.items()) + ")"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """`code`, `sentence`, `proof` and `next` are those of the first reason."""
    reasons = [
        {"code": one.code, "sentence": one.sentence, "proof": _plain(one.proof), "next": one.next}
        for one in verdict.reasons
    ]
    told = {name: getattr(verdict, name) for name in ("id", "state", "queue", "job", "claimable")}
    return {**told, **reasons[0], "reasons": reasons}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
