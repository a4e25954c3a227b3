"""A drawing for Graphviz. What may stand in a quoted string: "The DOT Language", section ID, and escString."""

from __future__ import annotations

from collections.abc import Iterator

from qsup.check.problem import printable
from qsup.graph.model import KINDS, Edge, Graph, Kind, Node
from qsup.graph.text import summary

SHAPES: dict[Kind, str] = {"code": "note", "job": "box", "queue": "cds", "workers": "component"}
RED = "#cf222e"


def dot(graph: Graph) -> str:
    """The whole text of a .dot file."""
    names = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    return "\n".join(["digraph qsup {", *(f"  {line}" for line in _body(graph, names)), "}", ""])


def _body(graph: Graph, names: dict[str, str]) -> Iterator[str]:
    yield f"rankdir=LR; ranksep=1.2; label={quoted(summary(graph))}; labelloc=t;"
    yield 'node [fontname="Helvetica", fontsize=11, style="filled", fillcolor="white"];'
    yield 'edge [fontname="Helvetica", fontsize=9, color="#57606a"];'
    for kind in KINDS:
        own = graph.of(kind)
        if own:
            yield f"subgraph {kind} {{ rank=same; {' '.join(_node(node, names) for node in own)} }}"
    yield from (_edge(edge, names) for edge in graph.edges)


def _node(node: Node, names: dict[str, str]) -> str:
    told = [node.name, node.note, "unheard" if node.unheard else ""]
    given = {"label": r"\n".join(escaped(one) for one in told if one), "shape": SHAPES[node.kind]}
    if node.unheard:
        given |= {"color": RED, "fontcolor": RED, "penwidth": "2"}
    if node.unsure:
        given |= {"style": "dashed"}
    return f"{names[node.id]} {_given(given)};"


def _edge(edge: Edge, names: dict[str, str]) -> str:
    given: dict[str, str] = {}
    if edge.source.startswith("job:") and edge.target.startswith("job:"):
        # Beside each other in one column: such an edge must not push them apart.
        given |= {"constraint": "false", "color": "#8250df"}
    if edge.unheard:
        given |= {"color": RED, "fontcolor": RED, "penwidth": "2", "label": "unheard"}
    if edge.unsure:
        given |= {"style": "dashed"}
    return f"{names[edge.source]} -> {names[edge.target]}{f' {_given(given)}' if given else ''};"


def _given(given: dict[str, str]) -> str:
    pairs = [f'{key}="{value}"' for key, value in given.items()]
    return f"[{', '.join(pairs)}]"


def quoted(text: str) -> str:
    """Any text as a string of DOT."""
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    r"""What stands between the quotes: no quote ends it, and no `\\N` or `\\G` of a name is filled in."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
