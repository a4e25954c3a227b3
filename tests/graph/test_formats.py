"""Every format stays well-formed whatever things are called, and says in words what is red."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsup.check.problem import Problem
from qsup.graph.dot import dot
from qsup.graph.html import html
from qsup.graph.layout import HEAD, TALL, layout
from qsup.graph.mermaid import mermaid
from qsup.graph.model import KINDS, Edge, Graph, Node
from qsup.graph.svg import svg
from qsup.graph.text import text

SVG = "{http://www.w3.org/2000/svg}"
NASTY = ['"', "'", "<b>", "&amp;", "a\nb", "`x`", "[y]", "(z)", "{w}", "]]>", "--", "%%", "\\N", "\\", "#quot;", "end",
         "\x00", "\udc80", "\u202e", "- x", "1. x", "|", ";", "<script>", "-->", "\u2028", "日本語", ""]  # fmt: skip
NAMES = st.one_of(st.sampled_from(NASTY), st.text(max_size=60), st.lists(st.sampled_from(NASTY)).map("".join))
WHY = st.one_of(st.just(()), NAMES.map(lambda name: (name,)))
NOTES = NAMES.map(lambda name: name.replace("unheard", ""))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph with any names: the lines go from one column to the next, or from job to job."""
    nodes = [
        Node(
            id=f"{kind}:{number}",
            kind=kind,
            name=draw(NAMES),
            note=draw(NOTES),
            why=draw(WHY),
            unsure=draw(st.booleans()),
        )
        for kind in KINDS
        for number in range(draw(st.integers(0, 3)))
    ]
    ways = {("code", "job"), ("job", "job"), ("job", "queue"), ("queue", "workers")}
    pairs = [(one, other) for one in nodes for other in nodes if (one.kind, other.kind) in ways]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=8)) if pairs else []
    edges = [
        Edge(source=one.id, target=other.id, places=(f"{draw(NAMES)}:1",), why=draw(WHY), unsure=draw(st.booleans()))
        for one, other in chosen
    ]
    problems = tuple(Problem(code="Q210", message=draw(NAMES)) for _ in range(draw(st.integers(0, 2))))
    return Graph(title=draw(NAMES), nodes=tuple(nodes), edges=tuple(edges), problems=problems, sites=3)


def parsed(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn.encode())  # noqa: S314  our own text


def words(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_svg_is_xml_that_needs_nothing_from_elsewhere(graph: Graph) -> None:
    drawn = svg(graph)
    root = parsed(drawn)
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    assert root.get("aria-labelledby") == " ".join(
        element.get("id", "") for element in root if element.tag in (f"{SVG}title", f"{SVG}desc")
    )
    assert not {element.tag for element in root.iter()} & {
        f"{SVG}script",
        f"{SVG}image",
        f"{SVG}use",
        f"{SVG}foreignObject",
    }
    assert not [name for element in root.iter() for name in element.attrib if "href" in name or name.startswith("on")]
    style = root.findtext(f"{SVG}style") or ""
    assert not re.search(r"@import|@font-face|url\(", style)
    assert "prefers-color-scheme:dark" in style
    assert len(root.findall(f"{SVG}g")) == len(graph.nodes) + len(graph.edges)
    for box in root.findall(f"{SVG}g[{SVG}rect]"):
        lost = "lost" in (box.get("class") or "").split()
        assert lost == any((one.text or "").startswith("unheard") for one in box.findall(f"{SVG}text")[1:])


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_no_box_lies_on_another_and_all_lie_on_the_paper(graph: Graph) -> None:
    placed = layout(graph)
    boxes = list(placed.boxes.values())
    assert len(boxes) == len(graph.nodes)
    for number, one in enumerate(boxes):
        assert one.x >= 0
        assert one.y >= HEAD, "over the names of the columns"
        assert one.right <= placed.width
        assert one.y + TALL <= placed.height
        for other in boxes[:number]:
            beside = one.right < other.x or other.right < one.x
            assert beside or abs(one.y - other.y) >= TALL


class Page(HTMLParser):
    """Reads a page and holds its tags against each other."""

    EMPTY = ("meta", "br")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.given: set[str] = set()
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.given |= {name for name, _ in attrs}
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_html_is_closed_where_it_is_opened_and_needs_nothing_from_elsewhere(graph: Graph) -> None:
    page = Page()
    page.feed(html(graph))
    page.close()
    assert page.open == []
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "ul", "li", "figure", "svg", "desc",
        "defs", "marker", "path", "rect", "text", "g", "table", "thead", "tbody", "tr", "th", "td", "br", "code",
        "span",
    }  # fmt: skip
    assert not [name for name in page.given if name in ("src", "href") or name.startswith("on")]


TOKEN = re.compile(r'\s+|"(?:[^"\\\n]|\\.)*"|->|[A-Za-z_][A-Za-z0-9_]*|[0-9.]+|[{}\[\]=;,]')


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_dot_is_made_of_the_tokens_of_its_language(graph: Graph) -> None:
    drawn, at, open_brackets = dot(graph), 0, 0
    while at < len(drawn):
        token = TOKEN.match(drawn, at)
        assert token, drawn[at : at + 40]
        open_brackets += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        inside = len("digraph qsup {") < token.end() < len(drawn.rstrip())
        assert open_brackets >= 1 or not inside, "a bracket of a name would close what another opens"
        at = token.end()
    plain = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', drawn)
    assert len(re.findall(r"\bn\d+ \[", re.sub(r"-> n\d+", "->", plain))) == len(graph.nodes)
    assert plain.count("->") == len(graph.edges)
    # Graphviz fills in what these stand for; those of a name must stay as they are. `\n` is a new line of a label.
    assert not re.search(r"(?<!\\)(?:\\\\)*\\[NGETHLlr]", drawn)


LABEL = r'"(?:[A-Za-z0-9_./:,\ +-]|\#\d+;|<br/>)*"'
STATEMENTS = re.compile(
    rf"""flowchart\ LR
    | \ \ accTitle:\ [^;\#<>"`]*
    | \ \ n\d+(?:\[{LABEL}\]|\[/{LABEL}/\]|\[\({LABEL}\)\]|\{{\{{{LABEL}\}}\}})
    | \ \ n\d+\ (?:-->|==>|-\.->)(?:\|unheard\|)?\ n\d+
    | \ \ classDef\ \w+\ [\w:\#,-]+
    | \ \ class\ n\d+(?:,n\d+)*\ \w+
    | \ \ linkStyle\ \d+(?:,\d+)*\ [\w:\#,-]+""",
    re.VERBOSE,
)


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_mermaid_has_a_statement_on_each_line_and_nothing_in_a_name_is_one(graph: Graph) -> None:
    lines = mermaid(graph).rstrip("\n").split("\n")
    for line in lines:
        assert STATEMENTS.fullmatch(line), line
    assert sum(bool(re.match(r"  n\d+ ", line)) for line in lines) == len(graph.edges)
    assert sum("|unheard|" in line for line in lines) == sum(edge.unheard for edge in graph.edges)


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_text_holds_to_its_lines(graph: Graph) -> None:
    assert all(line.text.isprintable() for line in text(graph))


def test_text_can_do_without_lines_for_terminals_that_have_none() -> None:
    assert "".join(line.text for line in text(SMALL, ascii_only=True)).isascii()


SMALL = Graph(
    title="queues.yaml",
    nodes=(
        Node(id="code:a.py", kind="code", name="a.py"),
        Node(id="job:A", kind="job", name="A", note="jobs:a"),
        Node(id="job:B", kind="job", name="B", why=("a.py:1:1: nobody [Q210]",)),
        Node(id="queue:q", kind="queue", name="q"),
        Node(id="queue:r", kind="queue", name="r", note="not declared", why=("a.py:2:1: nobody [Q212]",)),
        Node(id="workers:q", kind="workers", name="q", note="2 workers"),
    ),
    edges=(
        Edge(source="code:a.py", target="job:A", places=("a.py:2", "a.py:3"), lost=("a.py:2",), why=("Q212",)),
        Edge(source="job:A", target="job:B", places=("a.py:1",), lost=("a.py:1",), why=("Q210",)),
        Edge(source="job:A", target="queue:q"),
        Edge(source="job:A", target="queue:r", why=("a.py:2:1: nobody [Q212]",)),
        Edge(source="queue:q", target="workers:q"),
    ),
    problems=(Problem(code="Q210", message="nobody"),),
    sites=3,
)


def test_text_reads_from_the_queues_to_who_dispatches() -> None:
    assert [(line.text, line.style) for line in text(SMALL)] == [
        ("queues.yaml: 2 queues, 2 jobs, 3 dispatch sites; 1 unheard", "bold"),
        ("", ""),
        ("q: 2 workers", "bold"),
        ("└── A", ""),
        ("    ├── from a.py:2, 3, unheard at a.py:2", "red"),
        ("    └── dispatches B (a.py:1), unheard", "red"),
        ("", ""),
        ("r: nobody listens, unheard", "red"),
        ("└── A, unheard", "red"),
        ("    └── a.py:2:1: nobody [Q212]", "red"),
        ("", ""),
        ("no queue", "bold"),
        ("└── B, unheard", "red"),
        ("    ├── a.py:1:1: nobody [Q210]", "red"),
        ("    └── from A (a.py:1), unheard", "red"),
    ]


@pytest.mark.parametrize("form", [dot, mermaid])
def test_each_red_box_and_line_is_marked_in_words(form: Callable[[Graph], str]) -> None:
    boxes, lines, drawn = 2, 3, form(SMALL).split("\n")
    marked = [line for line in drawn if "unheard" in line and "Title" not in line and 'label="queues' not in line]
    arrows = [line for line in marked if "->" in line or "-->" in line or "==>" in line]
    assert len(arrows) == lines
    assert sum(line.count("unheard") for line in marked if line not in arrows and "class" not in line) == boxes


def test_a_red_line_that_ends_in_no_red_box_says_so_in_svg() -> None:
    root = parsed(svg(SMALL))
    said = [words(one) for one in root.findall(f"{SVG}text") if one.get("class") == "word"]
    assert said == ["unheard"], "the line to A; those to B and r end in boxes that say it"
    boxes = [words(one) for one in root.iter(f"{SVG}text") if one.get("class") == "note"]
    assert boxes == ["jobs:a", "unheard", "unheard: not declared", "2 workers"]
