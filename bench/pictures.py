"""Pictures of a measure as SVG: a panel for each case, a bar for each contestant, a line from its least to its most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.figures import Figure, Summary, summary
from bench.tables import number, select

WIDTH, NAMES, VALUES = 760, 230, 90
"""Pixels: of all, of the names on the left, of the numbers on the right."""
BAR, GAP, TITLE = 16, 6, 26
OURS, RAW, OTHERS = "#1f6f50", "#9a9a9a", "#c98b2b"


def picture(title: str, figures: Sequence[Figure]) -> str:
    """The whole picture."""
    y, parts = TITLE + GAP, [text(8, 18, title, weight="bold")]
    for case in dict.fromkeys(figure.case for figure in figures):
        parts.append(text(8, y + 14, case, weight="bold"))
        drawn, y = panel(case, figures, y + TITLE)
        parts += drawn
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>', *parts, "</svg>", "",
    ])  # fmt: skip


def panel(case: str, figures: Sequence[Figure], y: int) -> tuple[list[str], int]:
    """The bars of one case from `y` on, and where they end. Its longest bar fills the width."""
    rows = {who: select(figures, who, case) for who in dict.fromkeys(figure.who for figure in figures)}
    found = {who: summary(one.value for one in own) for who, own in rows.items() if own}
    longest = max((one.high for one in found.values() if not math.isinf(one.high)), default=0.0) or 1.0
    parts = []
    for who, one in found.items():
        parts += bar(who, one, longest, y)
        y += BAR + GAP
    return parts, y + GAP


def bar(who: str, found: Summary, longest: float, y: int) -> list[str]:
    """Name, bar, spread and number."""
    room = WIDTH - NAMES - VALUES
    scaled = [min(1.0, value / longest) * room for value in (found.median, found.low, found.high)]
    median, low, high = (round(value, 1) for value in scaled)
    middle = y + BAR / 2
    return [
        text(NAMES - 8, y + 12, who, anchor="end"),
        f'<rect x="{NAMES}" y="{y}" width="{median}" height="{BAR}" fill="{colour(who)}"/>',
        f'<line x1="{NAMES + low}" y1="{middle}" x2="{NAMES + high}" y2="{middle}" stroke="#000000"/>',
        text(NAMES + max(median, high) + 6, y + 12, number(found.median)),
    ]


def colour(who: str) -> str:
    """qsup, the raw limits, the peers."""
    return OURS if who.startswith("qsup") else RAW if who.startswith("bare") else OTHERS


def text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    """A line of text."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'
