"""A drawing as a tree for a terminal: queues, the jobs on them, and who dispatches those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from qsup.check.problem import counted, printable
from qsup.graph.model import Edge, Graph, Node

Style = Literal["", "bold", "dim", "red"]
Guides = tuple[str, str, str]
"""What stands before a branch, before the last one, and beside the branches of another."""
LINES: Guides = ("├── ", "└── ", "│   ")
ASCII: Guides = ("|-- ", "`-- ", "|   ")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, and how it looks where there are colours."""

    text: str
    style: Style = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line with what hangs below it."""

    line: Line
    below: tuple[Branch, ...] = ()


def text(graph: Graph, *, ascii_only: bool = False) -> Iterator[Line]:
    """The lines; `ascii_only` for terminals that cannot show the guides."""
    guides = ASCII if ascii_only else LINES
    yield Line(summary(graph), "bold")
    view = _View(graph)
    for branch in (*view.queues(), *view.homeless(), *view.deaf()):
        yield Line("")
        yield from _lines(branch, guides)


def summary(graph: Graph) -> str:
    """What there is, in one line."""
    count = graph.counts
    nouns = [counted(count["queue"], "queue"), counted(count["job"], "job"), counted(graph.sites, "dispatch site")]
    unsure = f" ({graph.unsure} not verifiable)" if graph.unsure else ""
    lost = f"{len(graph.problems)} unheard" if graph.problems else "nothing is unheard"
    return printable(f"{graph.title}: {', '.join(nouns)}{unsure}; {lost}")


def _lines(branch: Branch, guides: Guides, before: str = "", own: str = "") -> Iterator[Line]:
    yield Line(f"{before}{own}{branch.line.text}", branch.line.style)
    inner = before + (guides[2] if own == guides[0] else " " * len(own))
    for index, one in enumerate(branch.below):
        yield from _lines(one, guides, inner, guides[1] if index == len(branch.below) - 1 else guides[0])


@dataclass(frozen=True, slots=True)
class _View:
    graph: Graph

    def queues(self) -> Iterator[Branch]:
        """Each queue with the jobs that go to it."""
        for queue in self.graph.of("queue"):
            jobs = [self._job(edge, self._node(edge.source), queue) for edge in self._into(queue)]
            told = {text for edge in self._into(queue) for text in edge.why}
            why = _why([text for text in queue.why if text not in told])
            head = f"{queue.name}: {self._workers(queue)}"
            line = Line(_marked(head, unheard=queue.unheard), "red" if queue.unheard else "bold")
            yield Branch(line, (*why, *jobs))

    def _workers(self, queue: Node) -> str:
        heard = [self._node(edge.target) for edge in self.graph.edges if edge.source == queue.id]
        if not heard:
            return "nobody listens"
        if [one.name for one in heard] == [queue.name]:
            return heard[0].note
        return f"heard by {' and '.join(f'{one.name} ({one.note})' for one in heard)}"

    def homeless(self) -> Iterator[Branch]:
        """The jobs that go to no queue at all."""
        routed = {edge.source for edge in self.graph.edges}
        into = {edge.source for queue in self.graph.of("queue") for edge in self._into(queue)}
        lost = [job for job in self.graph.of("job") if job.id not in into or job.id not in routed]
        if lost:
            yield Branch(Line("no queue", "bold"), tuple(self._alone(job) for job in lost))

    def deaf(self) -> Iterator[Branch]:
        """The workers whose queues are not known."""
        listening = {edge.target for edge in self.graph.edges}
        lost = [one for one in self.graph.of("workers") if one.id not in listening]
        if lost:
            below = tuple(Branch(Line(printable(f"{one.name}: {one.note}"), "dim")) for one in lost)
            yield Branch(Line("workers whose queues are not known", "bold"), below)

    def _job(self, edge: Edge, job: Node, queue: Node) -> Branch:
        style: Style = "red" if edge.unheard else ""
        first = next(one.target for one in self.graph.edges if one.source == job.id and one.target.startswith("queue:"))
        about = self._about(job) if first == queue.id else ()
        return Branch(Line(_marked(job.name, unheard=edge.unheard), style), (*_why(edge.why), *about))

    def _alone(self, job: Node) -> Branch:
        name = f"{job.name} {job.note}" if job.unsure else job.name
        style: Style = "red" if job.unheard else "dim"
        return Branch(Line(_marked(name, unheard=job.unheard), style), (*_why(job.why), *self._about(job)))

    def _about(self, job: Node) -> Iterator[Branch]:
        """Who dispatches it, and what it dispatches."""
        for edge in self.graph.edges:
            if edge.target == job.id:
                yield self._dispatch("from", edge, self._node(edge.source))
        for edge in self.graph.edges:
            if edge.source == job.id and edge.target.startswith("job:") and edge.target != job.id:
                yield self._dispatch("dispatches", edge, self._node(edge.target))

    def _dispatch(self, verb: str, edge: Edge, other: Node) -> Branch:
        places = _places(edge.places)
        if other.kind == "code":
            said = places
        else:
            said = f"{'itself' if edge.source == edge.target else other.name} ({places})"
        if edge.lost and edge.lost != edge.places:
            return Branch(Line(printable(f"{verb} {said}, unheard at {_places(edge.lost)}"), "red"))
        return Branch(Line(_marked(f"{verb} {said}", unheard=edge.unheard), "red" if edge.unheard else "dim"))

    def _into(self, queue: Node) -> list[Edge]:
        return [edge for edge in self.graph.edges if edge.target == queue.id]

    def _node(self, name: str) -> Node:
        return next(node for node in self.graph.nodes if node.id == name)


def _marked(said: str, *, unheard: bool) -> str:
    """In words too: not everybody sees red, and NO_COLOR takes it away."""
    return printable(f"{said}, unheard" if unheard else said)


def _why(told: Sequence[str]) -> tuple[Branch, ...]:
    return tuple(Branch(Line(printable(one), "red")) for one in told)


def _places(places: Sequence[str]) -> str:
    """`a.py:3, 9 and b.py:1`: a file's name once."""
    lines: dict[str, list[str]] = {}
    for place in places:
        path, _, line = place.rpartition(":")
        lines.setdefault(path, []).append(line)
    return " and ".join(f"{path}:{', '.join(dict.fromkeys(numbers))}" for path, numbers in lines.items())
