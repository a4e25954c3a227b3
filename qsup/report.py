"""What `qsup status` shows: the supervisor's state file, the board and the database's counts, put together.

Pure: three values in, one JSON-ready value out. Any of the three may be missing, and the rest is still told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from qsup.board import Record
from qsup.orderbook import QueueOrder
from qsup.routing import Routing
from qsup.store import Count, Supervisor


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at one moment."""

    state: Mapping[str, Any] | None
    """state.json; None when no supervisor runs here."""
    board: Mapping[str, Record]
    memory: Mapping[int, int]
    """pid → bytes."""
    counts: Mapping[str, Count] | None
    """None when the database cannot be asked."""
    supervisors: Sequence[Supervisor]
    database: Mapping[str, Any]
    now: float
    """Seconds since boot, the board's clock."""
    orders: Mapping[str, QueueOrder] = field(default_factory=dict)
    """Queues that operators have paused or scaled."""


def status(look: Look, routing: Routing | None) -> dict[str, Any]:
    """The whole report."""
    state = look.state or {}
    return {
        "running": look.state is not None,
        "pid": state.get("pid"),
        "generation": state.get("generation", 0),
        "database": dict(look.database),
        "queues": queues(look, routing),
        "workers": workers(look),
        "supervisors": [asdict(one) for one in look.supervisors],
        "findings": state.get("findings", []),
        "rejected": state.get("rejected"),
        "paused": state.get("paused", False),
        "stopping": state.get("stopping", False),
    }


def queues(look: Look, routing: Routing | None) -> list[dict[str, Any]]:
    """A row for every queue of the file and for every queue that has rows: none is overlooked for being unknown."""
    declared = list(routing.queues) if routing else []
    others = [name for name in look.counts or {} if name not in declared]
    return [queue(name, look, routing) for name in [*declared, *others]]


def queue(name: str, look: Look, routing: Routing | None) -> dict[str, Any]:
    """One row; numbers are None when the database cannot be asked."""
    found = None if look.counts is None else look.counts.get(name, Count(name, 0, 0, 0, 0, None))
    server = routing.server(name) if routing and name in routing.queues else None
    return {
        "name": name,
        "workers": sum(1 for slot in (look.state or {}).get("slots", {}) if slot.rpartition(":")[0] == server),
        "pending": found and found.pending,
        "reserved": found and found.reserved,
        "delayed": found and found.delayed,
        "failed": found and found.failed,
        "oldest_s": found and found.oldest_s,
        **ordered(name, look, routing),
        "note": "; ".join(part for part in (*order_notes(name, look, routing), note(name, look, routing)) if part),
    }


def ordered(name: str, look: Look, routing: Routing | None) -> dict[str, Any]:
    """What operators have said about the queue."""
    order = look.orders.get(name)
    paused = None if order is None or order.paused_at is None else {"at": order.paused_at, "by": order.paused_by}
    scale = ((look.state or {}).get("scaled") or {}).get(name)
    said = routing.queues[name].workers if routing and name in routing.queues else None
    return {"paused": paused, "scaled": scale and {"workers": scale["workers"], "file": said}}


def order_notes(name: str, look: Look, routing: Routing | None) -> Iterator[str]:
    """The same for people."""
    told = ordered(name, look, routing)
    if told["paused"]:
        yield paused_note(told["paused"]["at"], told["paused"]["by"])
    if told["scaled"]:
        yield f"scaled to {told['scaled']['workers']} (file: {told['scaled']['file']})"


def paused_note(at: float, by: str | None) -> str:
    """Who, since when."""
    since = datetime.fromtimestamp(at, UTC).astimezone().isoformat(sep=" ", timespec="seconds")
    return f"paused by {by} since {since}"


def note(name: str, look: Look, routing: Routing | None) -> str:
    """What a person should know about the queue."""
    if routing is None or name not in routing.queues:
        return "not in queues.yaml: nobody here serves it"
    if routing.queues[name].workers_of:
        return f"served by {routing.queues[name].workers_of}"
    if routing.server(name) is None:
        return "declared without workers"
    heard = any(name in one.listens and one.silent_s < 30 for one in look.supervisors)
    return "" if heard or look.counts is None else "nobody listens at the moment"


def workers(look: Look) -> list[dict[str, Any]]:
    """A row for every slot of the supervisor of this project."""
    slots = (look.state or {}).get("slots", {})
    return [worker(slot, told, look) for slot, told in slots.items()]


def worker(slot: str, told: Mapping[str, Any], look: Look) -> dict[str, Any]:
    """What the supervisor says of the slot, sharpened by what the worker itself wrote on the board."""
    record = look.board.get(slot)
    own = record is not None and record.pid == told["pid"] and told["state"] == "serving"
    return {
        "slot": slot,
        "pid": told["pid"],
        "state": record.state if own and record else told["state"],
        "job": record.job or None if own and record and record.state == "busy" else None,
        "uptime_s": round(look.now - record.born, 1) if own and record else None,
        "memory": look.memory.get(told["pid"]),
        "why": told["why"],
    }
