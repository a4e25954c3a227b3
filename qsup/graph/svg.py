"""A drawing as SVG 1.1: one file without script, fonts or addresses of others; for light and dark surroundings."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from qsup.check.problem import printable
from qsup.graph.layout import HEAD, LANE, MARGIN, TALL, Box, Layout, layout
from qsup.graph.model import Edge, Graph, Kind
from qsup.graph.text import summary

HEADS: dict[Kind, str] = {"code": "dispatching code", "job": "jobs", "queue": "queues", "workers": "workers"}
LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "soft": "#59636e", "line": "#8c959f", "calls": "#8250df", "red": "#cf222e",
    "code": "#f6f8fa", "job": "#eaf2ff", "queue": "#e6f6ec", "workers": "#fff6df", "lost": "#ffebe9",
    "code-edge": "#afb8c1", "job-edge": "#6ea0ef", "queue-edge": "#57ab7a", "workers-edge": "#d4a72c",
}  # fmt: skip
DARK = {
    "paper": "#0d1117", "ink": "#e6edf3", "soft": "#9198a1", "line": "#6e7681", "calls": "#b78cf7", "red": "#ff7b72",
    "code": "#161b22", "job": "#10233f", "queue": "#0f2a1c", "workers": "#2e2410", "lost": "#3d1416",
    "code-edge": "#484f58", "job-edge": "#3f73c4", "queue-edge": "#3a8a5c", "workers-edge": "#9a7a1c",
}  # fmt: skip
SHAPE = """\
text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.name{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.title{font-size:16px;font-weight:600}.head{font-size:12px;font-weight:600;letter-spacing:.04em}
.box rect{stroke-width:1.2}.edge{fill:none;stroke-width:1.3}.calls{stroke-width:1.6}
.lost rect{stroke-width:2.2}.lost .note,.word{font-weight:600}.edge.lost{stroke-width:2.2}
.unsure rect,.edge.unsure{stroke-dasharray:5 4}"""


def svg(graph: Graph, *, standalone: bool = True) -> str:
    """The whole text of a .svg file; not `standalone` for a page that has it inside."""
    placed = layout(graph)
    lines = [*_top(graph, placed), *_drawn(graph, placed), *_legend(graph, placed), "</svg>", ""]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *lines] if standalone else lines)


def quoted(text: str) -> str:
    """Any text as the content of an element; what XML cannot hold at all is written as Python would."""
    return escape(printable(text))


def _top(graph: Graph, placed: Layout) -> Iterator[str]:
    size = f'width="{placed.width:.0f}" height="{placed.height:.0f}"'
    box = f'viewBox="0 0 {placed.width:.0f} {placed.height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" aria-labelledby="qsup-title qsup-desc">'
    yield f'<title id="qsup-title">{quoted(summary(graph))}</title>'
    yield f'<desc id="qsup-desc">{quoted(described(graph))}</desc>'
    yield f"<style>\n{SHAPE}\n{_colours(LIGHT)}\n@media (prefers-color-scheme:dark){{\n{_colours(DARK)}\n}}\n</style>"
    yield "<defs>"
    for name in ("line", "calls", "red"):
        shape = f'<path class="tip-{name}" d="M0 0 8 4 0 8z"/>'
        place = 'viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse"'
        yield f'<marker id="qsup-{name}" {place} orient="auto">{shape}</marker>'
    yield "</defs>"
    yield '<rect class="paper" width="100%" height="100%"/>'
    yield f'<text class="title" x="{MARGIN}" y="38">{quoted(summary(graph))}</text>'
    for kind, x in placed.heads.items():
        yield f'<text class="head" x="{x:.1f}" y="{HEAD - 20}">{HEADS[kind]}</text>'


def _colours(shade: dict[str, str]) -> str:
    rules = [
        f".paper{{fill:{shade['paper']}}}text{{fill:{shade['ink']}}}.note,.head,.legend{{fill:{shade['soft']}}}",
        f".edge{{stroke:{shade['line']}}}.tip-line{{fill:{shade['line']}}}",
        f".edge.calls{{stroke:{shade['calls']}}}.tip-calls{{fill:{shade['calls']}}}",
        *(f".{kind} rect{{fill:{shade[kind]};stroke:{shade[f'{kind}-edge']}}}" for kind in HEADS),
        f".box.lost rect{{fill:{shade['lost']};stroke:{shade['red']}}}.edge.lost{{stroke:{shade['red']}}}",
        f".lost .name,.lost .note,.word{{fill:{shade['red']}}}.tip-red{{fill:{shade['red']}}}",
        f".word{{text-anchor:middle;stroke:{shade['paper']};stroke-width:4px;paint-order:stroke}}",
    ]
    return "\n".join(rules)


def described(graph: Graph) -> str:
    """What a picture cannot say to who does not see it."""
    lost = "; ".join(str(problem) for problem in graph.problems)
    columns = "Code that dispatches, jobs, queues and workers, from left to right"
    return f"{columns}. Unheard: {lost}." if lost else f"{columns}. Somebody listens to every queue that is used."


def _drawn(graph: Graph, placed: Layout) -> Iterator[str]:
    # Red ones last: nothing lies on top of them.
    for edge in sorted(graph.edges, key=lambda edge: edge.unheard):
        yield _edge(edge, placed)
    yield from (_box(placed.boxes[node.id]) for node in graph.nodes)
    for edge in graph.edges:
        yield from _word(edge, placed)


def _box(box: Box) -> str:
    node = box.node
    classes = ["box", node.kind, *(["lost"] if node.unheard else []), *(["unsure"] if node.unsure else [])]
    title = "\n".join([node.name, *([node.note] if node.note else []), *node.why])
    middle = box.y + (18 if box.note else 25)
    note = f'<text class="note" x="{box.x + 14:.1f}" y="{box.y + 33:.1f}">{quoted(box.note)}</text>' if box.note else ""
    return (
        f'<g class="{" ".join(classes)}"><title>{_lines(title)}</title>'
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{TALL}" rx="7"/>'
        f'<text class="name" x="{box.x + 14:.1f}" y="{middle:.1f}">{quoted(box.name)}</text>{note}</g>'
    )


def _edge(edge: Edge, placed: Layout) -> str:
    source, target = placed.boxes[edge.source], placed.boxes[edge.target]
    lane = placed.lanes.get((edge.source, edge.target))
    path = _across(source, target) if lane is None else _beside(source, target, lane)
    tip = "red" if edge.unheard else "line" if lane is None else "calls"
    classes = ["edge", *(["calls"] if lane else []), *(["lost"] if edge.unheard else [])]
    if edge.unsure:
        classes.append("unsure")
    title = "\n".join([f"{source.node.name} → {target.node.name}", *edge.places, *edge.why])
    drawn = f'<path class="{" ".join(classes)}" marker-end="url(#qsup-{tip})" d="{path}"/>'
    return f"<g><title>{_lines(title)}</title>{drawn}</g>"


def _across(source: Box, target: Box) -> str:
    """From one column to the next."""
    half = (target.x - source.right) / 2
    start, end = f"{source.right:.1f} {source.middle:.1f}", f"{target.x - 1:.1f} {target.middle:.1f}"
    bends = f"{source.right + half:.1f} {source.middle:.1f} {target.x - half:.1f} {target.middle:.1f}"
    return f"M{start}C{bends} {end}"


def _beside(source: Box, target: Box, lane: int) -> str:
    """From job to job, to the right of both. Every way to leave or arrive has a height of its own at the box."""
    leave, arrive = (7, -15) if target.y > source.y else (-7, 15)
    start, end = source.middle + leave, target.middle + arrive
    x, away = source.right, 18 + LANE * lane
    turn = min(10, abs(end - start) / 2) * (1 if end >= start else -1)
    return (
        f"M{x:.1f} {start:.1f}H{x + away - 10:.1f}Q{x + away:.1f} {start:.1f} {x + away:.1f} {start + turn:.1f}"
        f"V{end - turn:.1f}Q{x + away:.1f} {end:.1f} {x + away - 10:.1f} {end:.1f}H{x + 1:.1f}"
    )


def _word(edge: Edge, placed: Layout) -> Iterator[str]:
    """`unheard` on a red line that does not end in a red box, which says it itself; upright beside upright lines."""
    source, target = placed.boxes[edge.source], placed.boxes[edge.target]
    if not edge.unheard or target.node.unheard:
        return
    lane, y = placed.lanes.get((edge.source, edge.target)), (source.middle + target.middle) / 2
    x = (source.right + target.x) / 2 if lane is None else source.right + 18 + LANE * lane
    turned = "" if lane is None else f' transform="rotate(90 {x:.1f} {y:.1f})"'
    yield f'<text class="word" x="{x:.1f}" y="{y - 5 if lane is None else y + 4:.1f}"{turned}>unheard</text>'


def _legend(graph: Graph, placed: Layout) -> Iterator[str]:
    y = placed.height - 24
    said = [("line", "is dispatched, goes to, is heard by")]
    if placed.lanes:
        said.append(("calls", "a job dispatches another"))
    if graph.problems:
        said.append(("red", "unheard: nobody would run it"))
    x: float = MARGIN
    for name, words in said:
        style = {"line": "edge", "calls": "edge calls", "red": "edge lost"}[name]
        yield f'<path class="{style}" marker-end="url(#qsup-{name})" d="M{x:.0f} {y}h32"/>'
        yield f'<text class="legend" x="{x + 40:.0f}" y="{y + 4:.0f}">{words}</text>'
        x += 40 + 6.2 * len(words) + 28


def _lines(text: str) -> str:
    """Several lines of a title; names keep no line breaks of their own."""
    return "&#10;".join(quoted(line) for line in text.split("\n"))
