"""The codes of all reasons. They are stable; docs/reference/why.md has the same table, and a test compares them."""

from __future__ import annotations

CODES = {
    "running": "a worker runs it",
    "handed": "a worker has been given it and has not begun it: it ends another job first, or does not answer",
    "lost": "it was claimed, and the supervisor that has it is silent or gone",
    "read_only": "this PostgreSQL only reads (a standby, or it is set so): nobody can claim anything through it",
    "unreachable": "PostgreSQL does not answer: nobody can claim anything",
    "undeclared": "no applied queues.yaml declares its queue",
    "no_workers": "its queue is declared without workers",
    "unheard": "its queue is declared with workers, and nobody alive hears it",
    "halted": "everybody who hears its queue was told by a signal to claim nothing, or is stopping",
    "paused": "an operator has paused its queue",
    "unrouted": "no file of those who hear its queue routes its class: it is taken, and given back for 30 s",
    "not_due": "it was put in for a later time",
    "backoff": "it was tried, and waits until it is tried again",
    "due": "its time has come, and housekeeping has not made it ready yet",
    "busy": "all workers of its queue are at work",
    "behind": "other jobs come before it",
    "held": "another transaction holds its row: the claim passes it over",
    "next": "nothing stops it: the next claim takes it",
    "failed": "it has failed for good",
    "quarantined": "it has killed its worker too often and was put aside",
    "cancelled": "an operator has cancelled it",
    "discarded": "it has failed, and an operator has discarded it",
    "done": "it is done",
    "gone": "its number was given, and its row is not there any more",
    "unknown": "no job has had this number yet",
}
"""Code → what it says of a job."""

HARMLESS = frozenset({"next", "unrouted"})
"""Codes of a waiting job that do not keep the claim from taking it."""
