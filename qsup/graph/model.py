"""The words of a drawing: what was seen, and the nodes and edges that it comes to. Plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from qsup.check.problem import Problem
from qsup.routing import Routing

Kind = Literal["code", "job", "queue", "workers"]
KINDS: tuple[Kind, ...] = ("code", "job", "queue", "workers")
"""The columns of a drawing, from left to right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One place that dispatches one job."""

    path: str
    line: int
    column: int
    job: str = ""
    """Empty when only running the code would tell."""
    queue: str | None = None
    """The queue that the place itself names."""
    why: str = ""
    """Why the job or its queue is not known; empty when both are."""
    inside: tuple[str, ...] = ()
    """The jobs whose handlers come to this place."""
    by_itself: bool = False
    """No call: a class that says its own queue, a listener that the framework puts there."""
    written: tuple[str, int, int] | None = None
    """Where the queue's name is written, when that is elsewhere."""

    @property
    def place(self) -> tuple[str, int, int]:
        """File, line and column of the place itself."""
        return (self.path, self.line, self.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Workers that listen to the same queues, in the order in which they look."""

    name: str
    workers: int
    queues: tuple[str, ...]
    where: str = ""
    """The file and line that starts them, when it is not queues.yaml."""
    starts: bool = True
    why: str = ""
    """Why their queues are not known; empty when they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that a drawing is made of. `problems` are those that say that nobody hears."""

    title: str
    routing: Routing | None = None
    """What queues.yaml says; a job may go to a queue that it does not declare."""
    sent: tuple[Sent, ...] = ()
    pools: tuple[Pool, ...] = ()
    problems: tuple[Problem, ...] = ()
    sites: int = 0
    """How many places dispatch; a comment that names a job is no place of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box. `why`: the problems that make it red."""

    id: str
    kind: Kind
    name: str
    note: str = ""
    why: tuple[str, ...] = ()
    unsure: bool = False
    """Only running the code would tell, or nobody starts these workers."""

    @property
    def unheard(self) -> bool:
        """Whether nobody would run what is here."""
        return bool(self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """From who dispatches to a job, from a job to its queue, from a queue to who listens to it."""

    source: str
    target: str
    places: tuple[str, ...] = ()
    """Where the code says so, `handlers/pay.py:17`."""
    lost: tuple[str, ...] = ()
    """Those of the places at which it is dispatched to nobody."""
    why: tuple[str, ...] = ()
    unsure: bool = False

    @property
    def unheard(self) -> bool:
        """Whether nobody would run what goes this way."""
        return bool(self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A drawing, before it has a format."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    problems: tuple[Problem, ...] = ()
    """Why something is unheard."""
    sites: int = 0
    unsure: int = 0
    """The sites of which only running the code would tell."""

    def of(self, kind: Kind) -> list[Node]:
        """The nodes of one column, in their order."""
        return [node for node in self.nodes if node.kind == kind]

    @property
    def counts(self) -> Counter[str]:
        """How many there are of each kind."""
        return Counter(node.kind for node in self.nodes)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values: what `--json` prints."""
        return {
            "title": self.title,
            "nodes": [
                {"id": node.id, "kind": node.kind, "name": node.name, "note": node.note, "unheard": node.unheard}
                | {"unsure": node.unsure, "why": list(node.why)}
                for node in self.nodes
            ],
            "edges": [
                {"source": edge.source, "target": edge.target, "places": list(edge.places), "lost": list(edge.lost)}
                | {"unheard": edge.unheard, "unsure": edge.unsure, "why": list(edge.why)}
                for edge in self.edges
            ],
            "problems": [problem.to_dict() for problem in self.problems],
            "sites": self.sites,
            "unsure": self.unsure,
        }
