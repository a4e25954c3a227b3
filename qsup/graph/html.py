"""A drawing as an HTML page: the picture, and the same in words, for screen readers and for searching."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qsup.graph.model import Graph, Node
from qsup.graph.svg import DARK, LIGHT, quoted, svg
from qsup.graph.text import summary

STYLE = """\
body{{margin:0;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:{paper};color:{ink}}}
main{{max-width:1500px;margin:0 auto;padding:24px}}h1{{font-size:20px}}h2{{font-size:16px;margin-top:32px}}
figure{{margin:0;overflow-x:auto;border:1px solid {line};border-radius:8px}}
table{{border-collapse:collapse}}td,th{{text-align:left;vertical-align:top;padding:4px 16px 4px 0}}
tr+tr>*{{border-top:1px solid {line}}}code{{font:13px ui-monospace,Menlo,Consolas,monospace}}
.red{{color:{red};font-weight:600}}"""


def html(graph: Graph) -> str:
    """The whole text of a .html file."""
    title = quoted(summary(graph))
    dark = STYLE.format_map(DARK).splitlines()
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
            f"<style>\n{STYLE.format_map(LIGHT)}",
            "@media (prefers-color-scheme:dark){",
            *(line for line in dark if "{" in line),
            "}\n</style></head>",
            f"<body><main><h1>{title}</h1>",
            *_problems(graph),
            f"<figure>\n{svg(graph, standalone=False)}</figure>",
            *_table(graph),
            "</main></body></html>",
            "",
        ]
    )


def _problems(graph: Graph) -> Iterator[str]:
    if graph.problems:
        yield "<h2>Unheard</h2>"
        yield "<ul>"
        yield from (f'<li class="red">{quoted(str(problem))}</li>' for problem in graph.problems)
        yield "</ul>"


def _table(graph: Graph) -> Iterator[str]:
    heads = ("job", "dispatched by", "goes to", "heard by")
    yield "<h2>In words</h2>"
    yield f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead><tbody>"
    nodes = {node.id: node for node in graph.nodes}
    for job in graph.of("job"):
        queues = [
            nodes[edge.target] for edge in graph.edges if edge.source == job.id and nodes[edge.target].kind == "queue"
        ]
        heard = [nodes[edge.target] for queue in queues for edge in graph.edges if edge.source == queue.id]
        callers = [nodes[edge.source] for edge in graph.edges if edge.target == job.id]
        cells = ([job], callers, queues, dict.fromkeys(heard))
        yield f"<tr>{''.join(f'<td>{_named(cell)}</td>' for cell in cells)}</tr>"
    yield "</tbody></table>"


def _named(nodes: Iterable[Node]) -> str:
    return "<br>".join(_name(node) for node in nodes)


def _name(node: Node) -> str:
    note = f" {quoted(node.note)}" if node.kind == "workers" else ""
    lost = ' <span class="red">unheard</span>' if node.unheard else ""
    return f"<code>{quoted(node.name)}</code>{note}{lost}"
