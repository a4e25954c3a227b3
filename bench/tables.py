"""Figures as text: a table for each measure, and what has been reached of what must be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bench.figures import Figure, Summary, ratios, summary
from bench.measures.measure import Measure, Target


def table(figures: Sequence[Figure]) -> list[str]:
    """Rows for each contestant, a column for each case: median (least - most). Markdown."""
    cases = list(dict.fromkeys(figure.case for figure in figures))
    lines = ["| | " + " | ".join(cases) + " |", "|---|" + "---|" * len(cases)]
    for who in dict.fromkeys(figure.who for figure in figures):
        cells = [cell([one for one in figures if (one.who, one.case) == (who, case)]) for case in cases]
        lines.append(f"| {who} | " + " | ".join(cells) + " |")
    return lines


def cell(figures: Sequence[Figure]) -> str:
    """`1,540 (1,410-1,600)`; one round has no spread, and nothing is a dash."""
    return spread(summary(one.value for one in figures)) if figures else "-"


def spread(found: Summary) -> str:
    """Median and, when there is more than one round, least and most."""
    if found.rounds == 1:
        return number(found.median)
    return f"{number(found.median)} ({number(found.low)}-{number(found.high)})"


def number(value: float) -> str:
    """Three digits or so."""
    if math.isinf(value):
        return "never"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def targets(measure: Measure, figures: Sequence[Figure]) -> list[str]:
    """A line for each target of which there are figures."""
    return [
        f"| {measure.title}, {target.case} | {target.who}{divisor(target)} "
        f"| {spread(found)} | {target.words} | {'yes' if target.reached(found.median) else '**no**'} |"
        for target in measure.targets
        if (found := reached(target, figures)) is not None
    ]


HEAD = ["| | | found | must be | reached |", "|---|---|---|---|---|"]


def reached(target: Target, figures: Sequence[Figure]) -> Summary | None:
    """The rounds of a target; None without figures."""
    own = select(figures, target.who, target.case)
    if not target.to:
        return summary(one.value for one in own) if own else None
    below = [one for who in target.to for one in select(figures, who, target.to_case or target.case)]
    found = ratios(own, below)
    return summary(found) if found else None


def divisor(target: Target) -> str:
    """What the target divides by, in words."""
    if target.to == (target.who,):
        return f" / the same, {target.to_case}"
    return f" / best of {', '.join(target.to)}" if len(target.to) > 1 else "".join(f" / {who}" for who in target.to)


def select(figures: Iterable[Figure], who: str, case: str) -> list[Figure]:
    """Those of one contestant in one case."""
    return [one for one in figures if (one.who, one.case) == (who, case)]
