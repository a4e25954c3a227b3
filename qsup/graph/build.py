"""From what was seen to nodes and edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from qsup.check.problem import counted
from qsup.graph.blame import Blame
from qsup.graph.model import KINDS, Edge, Graph, Node, Pool, Seen, Sent

NO_QUEUE = "no queue is declared for it"
NOT_KNOWN = "shows only when it runs"


def build(seen: Seen) -> Graph:
    """The drawing: everything that is declared, everything that is dispatched, and what comes of both."""
    building = _Building(seen, Blame(seen.problems))
    for queue in seen.routing.queues if seen.routing else ():
        building.queue(queue)
    for pool in seen.pools:
        building.pool(pool)
    for route in seen.routing.routes.values() if seen.routing else ():
        building.goes(route.job, route.queue, building.blame.route(route.job))
    for sent in seen.sent:
        building.send(sent)
    nodes = list(_judged(building))
    return Graph(
        title=seen.title,
        nodes=tuple(sorted(nodes, key=lambda node: KINDS.index(node.kind))),
        edges=tuple(building.edges.values()),
        problems=seen.problems,
        sites=seen.sites,
        unsure=sum(bool(sent.why) for sent in seen.sent),
    )


@dataclass(slots=True)
class _Building:
    seen: Seen
    blame: Blame
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    """The queues that somebody listens to."""

    def pool(self, pool: Pool) -> None:
        """Workers, and the queues that they hear."""
        note = counted(pool.workers, "worker")
        told = [note, *([pool.where] if pool.where else []), *([] if pool.starts else ["not started"])]
        # One program may start several kinds of workers, and have the name of a queue with workers of its own.
        same = sum(node.kind == "workers" and node.name == pool.name for node in self.nodes.values())
        own = f"workers:{pool.name}{f'#{same + 1}' if same else ''}"
        node = Node(id=own, kind="workers", name=pool.name, note=", ".join(told))
        self.nodes[node.id] = replace(node, unsure=not pool.starts or bool(pool.why))
        for queue in pool.queues:
            self.queue(queue)
            self._edge(Edge(source=f"queue:{queue}", target=node.id, unsure=not pool.starts))
            if pool.starts:
                self.served.add(queue)

    def queue(self, name: str) -> str:
        """A queue; the id of its node."""
        if f"queue:{name}" not in self.nodes:
            declared = self.seen.routing.queues.get(name) if self.seen.routing else None
            note = declared.purpose if declared else "not declared" if self.seen.routing else ""
            self.nodes[f"queue:{name}"] = Node(id=f"queue:{name}", kind="queue", name=name, note=note)
        return f"queue:{name}"

    def goes(self, job: str, queue: str, why: tuple[str, ...]) -> None:
        """A job that goes to a queue."""
        self._edge(Edge(source=self._job(job), target=self.queue(queue), why=why))

    def send(self, sent: Sent) -> None:
        """A place that dispatches."""
        why, job = self.blame.sent(sent), self._job(sent.job)
        if sent.queue is not None:
            self.goes(sent.job, sent.queue, tuple(text for text in why if text in self.blame.queue(sent.queue)))
        for source in [] if sent.by_itself else self._sources(sent):
            place = (f"{sent.path}:{sent.line}",)
            lost = place if why else ()
            self._edge(Edge(source=source, target=job, places=place, lost=lost, why=why, unsure=bool(sent.why)))

    def _sources(self, sent: Sent) -> Iterator[str]:
        for job in sent.inside:
            yield self._job(job)
        if not sent.inside:
            self.nodes.setdefault(f"code:{sent.path}", Node(id=f"code:{sent.path}", kind="code", name=sent.path))
            yield f"code:{sent.path}"

    def _job(self, name: str) -> str:
        if f"job:{name}" not in self.nodes:
            route = self.seen.routing.routes.get(name) if self.seen.routing else None
            node = Node(id=f"job:{name}", kind="job", name=name or "?", note=route.handler if route else "")
            self.nodes[node.id] = node if name else replace(node, note=NOT_KNOWN, unsure=True)
        return f"job:{name}"

    def _edge(self, edge: Edge) -> None:
        key = (edge.source, edge.target)
        before = self.edges.get(key)
        if before is not None:
            places = tuple(dict.fromkeys([*before.places, *edge.places]))
            why = tuple(dict.fromkeys([*before.why, *edge.why]))
            lost = tuple(dict.fromkeys([*before.lost, *edge.lost]))
            edge = replace(edge, places=places, lost=lost, why=why, unsure=before.unsure and edge.unsure)
        self.edges[key] = edge


def _judged(building: _Building) -> Iterator[Node]:
    """The nodes with what makes them red: queues first, then what goes into them, then the jobs that only go there."""
    silent = dict(_silent(building))
    for key, edge in building.edges.items():
        if edge.target in silent and edge.source.startswith("job:"):
            building.edges[key] = replace(edge, why=edge.why or silent[edge.target])
    lost = dict(_lost(building, building.edges.values()))
    for key, edge in building.edges.items():
        if edge.target in lost:
            building.edges[key] = replace(edge, why=edge.why or lost[edge.target], lost=edge.places)
        elif edge.source in lost and edge.target.startswith("queue:"):
            building.edges[key] = replace(edge, why=edge.why or lost[edge.source])
    for node in building.nodes.values():
        yield replace(node, why=silent.get(node.id, ()) or lost.get(node.id, ()), note=_note(building, node))


def _silent(building: _Building) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The queues that nobody listens to, each with why it matters."""
    for node in building.nodes.values():
        if node.kind == "queue" and node.name not in building.served:
            into = [text for edge in building.edges.values() if edge.target == node.id for text in edge.why]
            why = tuple(dict.fromkeys([*building.blame.queue(node.name), *into]))
            if why:
                yield node.id, why


def _lost(building: _Building, edges: Iterable[Edge]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The jobs that nobody would run, wherever they go."""
    ways: dict[str, list[Edge]] = {}
    for edge in edges:
        if edge.target.startswith("queue:"):
            ways.setdefault(edge.source, []).append(edge)
    for node in building.nodes.values():
        if node.kind == "job":
            yield from _lost_job(building.blame, node, ways)


def _lost_job(blame: Blame, node: Node, ways: Mapping[str, list[Edge]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    why, out = blame.job(node.name), ways.get(node.id, [])
    if out and all(edge.unheard for edge in out):
        why = tuple(dict.fromkeys([*why, *(text for edge in out for text in edge.why)]))
    if why:
        yield node.id, why


def _note(building: _Building, node: Node) -> str:
    """What stands below the name."""
    if node.kind == "job" and not node.unsure and not node.note:
        routed = building.seen.routing is None or node.name in building.seen.routing.routes
        return "" if routed else NO_QUEUE
    return node.note
