"""What the bench writes: the figures as they were, the page around its marks, pictures that are XML."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import measures, page, record
from bench.figures import Figure
from bench.pictures import picture
from tests.project.source import ROOT

FIGURES = tuple(
    Figure(case, who, value, round=number, measure="kill", unit="s")
    for number, value in ((1, 0.05), (2, 0.07))
    for case, who in (("kill -9 to rerun, s", "qsup, prefetch: auto"), ("kill -9 to rerun, s", "<peer> & co"))
)
RUNS = {"kill": record.Run({"machine": "a small one"}, FIGURES, ("Laravel is left out.",))}


def test_figures_come_back_as_they_were_written_infinite_ones_too(tmp_path: Path) -> None:
    never = Figure("kill", "a peer", math.inf, "s", 1, "kill")
    runs = {"kill": record.Run({"machine": "x"}, (*FIGURES, never), ("nobody",))}
    record.write(tmp_path / "figures.json", runs)
    assert record.read(tmp_path / "figures.json") == runs
    assert record.read(tmp_path / "missing.json") == {}


def test_the_page_keeps_what_stands_around_the_measured_part(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text(f"Before.\n{page.BEGIN}of last year\n{page.END}After.\n")
    for _ in range(2):
        page.write(file, tmp_path / "performance", RUNS)
    text = file.read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert "of last year" not in text
    for part in ("a small one", "Laravel is left out.", "0.06 (0.05-0.07)", "≤ 0.1 | yes |", "performance/kill.svg"):
        assert text.count(part) >= 1, part
    assert (tmp_path / "performance" / "kill.svg").exists()


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text("nothing to replace\n")
    with pytest.raises(ValueError, match="no part between"):
        page.write(file, tmp_path / "performance", RUNS)


def test_the_project_s_own_page_shows_the_figures_that_are_kept() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    runs = record.read(ROOT / "docs" / "performance" / "figures.json")
    shown = text.partition(page.BEGIN)[2].partition(page.END)[0]
    if runs:
        assert shown == "\n".join(page.lines(runs, "performance")) + "\n", "python -m bench … --write writes both"
    else:
        assert "not measured yet" in shown


def test_a_picture_has_a_bar_for_each_contestant_and_escapes_names() -> None:
    drawn = ElementTree.fromstring(picture("A & B", FIGURES))  # noqa: S314  made by the line above it
    bars = [one for one in drawn.iter("{http://www.w3.org/2000/svg}rect") if one.get("height") == "16"]
    assert len(bars) == 2
    assert "<peer> & co" in [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", measures.NAMES)
def test_every_measure_has_the_one_interface(name: str) -> None:
    measure = measures.load(name)
    assert measure.name == name
    assert measure.title
    assert measure.words.endswith(".")
    for target in measure.targets:
        assert (target.least is None) != (target.most is None), f"{target} says no limit, or two"
