"""Where everything stands: four columns, a band for each queue with its jobs and workers beside it. Lengths in pixels.

Jobs stand in the order of their queues, so that the lines from jobs to queues never cross. Lines between jobs bend to
the right of their column, each in a lane of its own, like the brackets that they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qsup.check.problem import printable
from qsup.graph.model import KINDS, Edge, Graph, Kind, Node

MARGIN, HEAD, FOOT = 24, 96, 60
"""Around everything; for the title and the columns' names; for the legend."""
TALL, STEP, BAND = 42, 54, 16
"""Of a box; from one box to the next; between the jobs of two queues, besides."""
GUTTER = 110
"""Between two columns, for the lines."""
LANE, LANES = 16, 12
"""From one line between jobs to the next, and how many may lie side by side."""
NAME, NOTE, BOLD = 7.3, 6.5, 7.3
"""A letter's width: names are in 12 px monospace (0.6 em), notes in 11 px of the reader's own sans-serif, some bold."""
MOST, MOST_OF_NOTE = 36, 43
"""Letters of a name and of a note; longer ones lose their middle. The whole text is in the box's title."""
NARROW = 120


@dataclass(frozen=True, slots=True)
class Box:
    """One node in its place."""

    node: Node
    x: float
    y: float
    """Of its upper left corner."""
    width: float
    name: str
    note: str
    """As much of both as fits."""

    @property
    def right(self) -> float:
        """Where its right edge is."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """Half-way down."""
        return self.y + TALL / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in its place."""

    boxes: Mapping[str, Box]
    width: float
    height: float
    heads: Mapping[Kind, float]
    """Where each column that has something begins."""
    lanes: Mapping[tuple[str, str], int]
    """For lines between jobs: the lane, from 1, counted from the jobs' right edge."""


def layout(graph: Graph) -> Layout:
    """Place every node of the graph."""
    lanes = _lanes(graph, ordered := _rows(graph))
    widths = {kind: _width(graph.of(kind)) for kind in KINDS if graph.of(kind)}
    heads: dict[Kind, float] = {}
    at: float = MARGIN
    for kind, width in widths.items():
        heads[kind] = at
        at += width + GUTTER + (LANE * max(lanes.values(), default=0) if kind == "job" else 0)
    boxes = {
        node.id: Box(node, heads[node.kind], ordered[node.id], widths[node.kind], shortened(node.name), _note(node))
        for node in graph.nodes
    }
    bottom = max((box.y + TALL for box in boxes.values()), default=HEAD)
    return Layout(boxes, max(at - GUTTER + MARGIN, 640), bottom + FOOT, heads, lanes)


def _rows(graph: Graph) -> dict[str, float]:
    """The upper edge of every node."""
    rows = _bands(graph)
    for kind, others in (("workers", "source"), ("code", "target")):
        nodes = [node for node in graph.nodes if node.kind == kind]
        wanted = {node.id: _wish(node, graph.edges, others, rows) for node in nodes}
        rows |= _spread(wanted)
    return rows


def _bands(graph: Graph) -> dict[str, float]:
    """Jobs and queues: each queue is as high as the jobs that go to it, and stands in their middle."""
    rows: dict[str, float] = {}
    home = {edge.source: edge.target for edge in reversed(graph.edges) if edge.target.startswith("queue:")}
    y: float = HEAD
    for queue in [*graph.of("queue"), None]:
        jobs = [job for job in graph.of("job") if home.get(job.id) == (queue.id if queue else None)]
        if not jobs and queue is None:
            break
        rows |= {job.id: y + STEP * number for number, job in enumerate(jobs)}
        if queue:
            rows[queue.id] = y + STEP * (max(len(jobs), 1) - 1) / 2
        y += STEP * max(len(jobs), 1) + BAND
    return rows


def _wish(node: Node, edges: Iterable[Edge], others: str, rows: Mapping[str, float]) -> float:
    """The mean of what it is connected with."""
    ends = (
        ("target", edge.source, edge.target) if others == "target" else ("source", edge.target, edge.source)
        for edge in edges
    )
    found = [rows[other] for _, own, other in ends if own == node.id and other in rows]
    return sum(found) / len(found) if found else HEAD


def _spread(wanted: Mapping[str, float]) -> dict[str, float]:
    """As near to where each wants to be as the others let it, none above the first row.

    Neighbours that would overlap stand together around the middle of their wishes.
    """
    blocks: list[_Block] = []
    for name, wish in sorted(wanted.items(), key=lambda pair: pair[1]):
        block = _Block([name], [wish])
        while blocks and blocks[-1].bottom > block.top:
            block = blocks.pop().and_then(block)
        blocks.append(block)
    return {name: block.top + STEP * number for block in blocks for number, name in enumerate(block.names)}


@dataclass(slots=True)
class _Block:
    names: list[str]
    wishes: list[float] = field(default_factory=list)

    @property
    def top(self) -> float:
        mean = sum(wish - STEP * number for number, wish in enumerate(self.wishes)) / len(self.wishes)
        return max(mean, HEAD)

    @property
    def bottom(self) -> float:
        return self.top + STEP * len(self.names)

    def and_then(self, other: _Block) -> _Block:
        return _Block([*self.names, *other.names], [*self.wishes, *other.wishes])


def _lanes(graph: Graph, rows: Mapping[str, float]) -> dict[tuple[str, str], int]:
    """A lane for each line between two jobs: short ones inside, none on top of another."""
    between = [edge for edge in graph.edges if edge.source.startswith("job:") and edge.target.startswith("job:")]
    spans = {(edge.source, edge.target): _span(edge, rows) for edge in between}
    taken: list[list[tuple[float, float]]] = []
    lanes: dict[tuple[str, str], int] = {}
    for key, (top, bottom) in sorted(spans.items(), key=lambda pair: pair[1][1] - pair[1][0]):
        free = (number for number, lane in enumerate(taken) if all(top >= b or bottom <= a for a, b in lane))
        number = next(free, len(taken))
        if number == len(taken):
            taken.append([])
        taken[number].append((top, bottom))
        lanes[key] = min(number + 1, LANES)
    return lanes


def _span(edge: Edge, rows: Mapping[str, float]) -> tuple[float, float]:
    one, other = rows[edge.source], rows[edge.target]
    # One that comes back to its own job takes the height of its box.
    return (min(one, other), max(one, other, min(one, other) + TALL))


def _width(nodes: Sequence[Node]) -> float:
    names = max(letters(shortened(node.name)) * NAME for node in nodes)
    notes = max(letters(_note(node)) * (BOLD if node.unheard else NOTE) for node in nodes)
    return max(round(max(names, notes)) + 28, NARROW)


def _note(node: Node) -> str:
    """What stands below the name; a red box says so in words."""
    if node.unheard:
        return shortened(f"unheard: {node.note}" if node.note else "unheard", MOST_OF_NOTE)
    return shortened(node.note, MOST_OF_NOTE)


def shortened(text: str, most: int = MOST) -> str:
    """As much of a text as a box holds: its beginning and its end."""
    text = printable(text)
    return text if len(text) <= most else f"{text[: (most - 1) // 2]}…{text[-(most // 2) :]}"


def letters(text: str) -> int:
    """How many letters wide it is; those of East Asia take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
