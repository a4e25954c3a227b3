"""A drawing for Mermaid, which GitHub and many wikis show: a flowchart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qsup.check.problem import printable
from qsup.graph.model import Edge, Graph, Kind, Node
from qsup.graph.text import summary

SHAPES: dict[Kind, tuple[str, str]] = {
    "code": ("[/", "/]"), "job": ("[", "]"), "queue": ("[(", ")]"), "workers": ("{{", "}}"),
}  # fmt: skip
PLAIN = re.compile(r"[^A-Za-z0-9_./:, +-]|^[-+ ]|^(?=\d+\. )")
"""What is written by its number: a quote ends a label, a backtick or a list begins Markdown, `<` begins HTML."""
NO_TITLE = re.compile(r"[^\w .,/:()+-]")


def mermaid(graph: Graph) -> str:
    """The whole text of a flowchart."""
    names = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _body(graph, names)), ""])


def _body(graph: Graph, names: dict[str, str]) -> Iterator[str]:
    yield f"accTitle: {NO_TITLE.sub(' ', printable(summary(graph).replace(';', ',')))}"
    yield from (_node(node, names) for node in graph.nodes)
    yield from (_edge(edge, names) for edge in graph.edges)
    yield "classDef unheard fill:#ffebe9,stroke:#cf222e,color:#82071e,stroke-width:2px"
    yield "classDef unsure stroke-dasharray:4"
    for word, chosen in (
        ("unheard", [node for node in graph.nodes if node.unheard]),
        ("unsure", [node for node in graph.nodes if node.unsure]),
    ):
        if chosen:
            yield f"class {','.join(names[node.id] for node in chosen)} {word}"
    red = [str(number) for number, edge in enumerate(graph.edges) if edge.unheard]
    if red:
        yield f"linkStyle {','.join(red)} stroke:#cf222e,stroke-width:2px"


def _node(node: Node, names: dict[str, str]) -> str:
    told = [node.name, node.note, "unheard" if node.unheard else ""]
    opening, closing = SHAPES[node.kind]
    return f'{names[node.id]}{opening}"{"<br/>".join(escaped(one) for one in told if one)}"{closing}'


def _edge(edge: Edge, names: dict[str, str]) -> str:
    between_jobs = edge.source.startswith("job:") and edge.target.startswith("job:")
    arrow = "-.->" if edge.unsure else "==>" if between_jobs else "-->"
    return f"{names[edge.source]} {arrow}{'|unheard|' if edge.unheard else ''} {names[edge.target]}"


def escaped(text: str) -> str:
    """Any text as the inside of a label: by numbers, `#35;`, whatever could mean something there."""
    return PLAIN.sub(lambda found: "".join(f"#{ord(letter)};" for letter in found[0]) or "#8203;", printable(text))
