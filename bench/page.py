"""The measured part of docs/performance.md, and its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bench import measures, tables
from bench.measures.measure import Measure
from bench.pictures import picture
from bench.record import Run

BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"


def write(page: Path, folder: Path, runs: Mapping[str, Run]) -> None:
    """Replace what is between the two marks, and the pictures. Raises ValueError when the page has no marks."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no part between {BEGIN.strip()} and {END.strip()}")
    page.write_text(before + BEGIN + "\n".join(lines(runs, folder.name)) + "\n" + END + after, encoding="utf-8")
    folder.mkdir(exist_ok=True)
    for measure in known(runs):
        drawn = picture(measure.title, runs[measure.name].figures)
        (folder / f"{measure.name}.svg").write_text(drawn, encoding="utf-8")


def known(runs: Mapping[str, Run]) -> list[Measure]:
    """The measures that have been run, in their order."""
    return [measures.load(name) for name in measures.NAMES if name in runs]


def lines(runs: Mapping[str, Run], folder: str) -> Iterator[str]:
    """The whole part."""
    yield from ["", "### Measured on", ""]
    yield from measured_on(runs)
    if must := [line for one in known(runs) for line in tables.targets(one, runs[one.name].figures)]:
        yield from ["", "### What must be reached", "", *tables.HEAD, *must]
    for measure in known(runs):
        yield from section(measure, runs[measure.name], folder)


def measured_on(runs: Mapping[str, Run]) -> Iterator[str]:
    """Each machine once, with the measures that were run on it when there are several; and who was left out."""
    seen: dict[str, list[str]] = {}
    for name, run in runs.items():
        words = "\n".join(f"* {fact}: {value}" for fact, value in run.machine.items())
        seen.setdefault(words, []).append(name)
    for words, names in seen.items():
        yield from [f"{', '.join(names)}:", ""] if len(seen) > 1 else []
        yield from [words, ""]
    yield from dict.fromkeys(sentence for run in runs.values() for sentence in run.left_out)


def section(measure: Measure, run: Run, folder: str) -> Iterator[str]:
    """Heading, words, table, picture."""
    rounds = len({figure.round for figure in run.figures})
    better = "Less is better." if measure.less_is_better else "More is better."
    yield from ["", f"### {measure.title}", "", f"{measure.words} {better} Rounds: {rounds}.", ""]
    yield from tables.table(run.figures)
    yield from ["", f"![{measure.title}]({folder}/{measure.name}.svg)"]
