"""200 small projects: in order nothing is told of them, and with one mistake in each it is found in its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.check.replay.desk import project
from tests.check.replay.expected import Expected
from tests.check.replay.lines import Answer, Line, answer
from tests.check.replay.mistakes import KINDS
from tests.check.replay.shop import Shop

PROJECTS = 200
TOGETHER = 10


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """Empty folders, as many as are asked for."""
    return (tmp_path / str(number) for number in range(10_000))


@pytest.mark.parametrize("first", range(0, PROJECTS, TOGETHER))
def test_a_mistake_is_found_in_its_place_and_without_it_nothing_is(first: int, folders: Iterator[Path]) -> None:
    for seed in range(first, first + TOGETHER):
        shop = project(seed)
        _is_in_order(shop, answer(shop.tree, next(folders)))
        name, shop, expected = mistaken(seed)
        _is_found(name, shop, expected, answer(shop.tree, next(folders)))


def mistaken(seed: int) -> tuple[str, Shop, list[Expected]]:
    """The project of a number with a mistake: of the kind whose turn it is, or the next that it gives occasion for."""
    names = list(KINDS)
    for turn in range(len(names)):
        name, shop = names[(seed + turn) % len(names)], project(seed)
        expected = KINDS[name](shop)
        if expected:
            # Without the code, or under another name, nobody says that a call names it.
            return name, shop, [*expected, *(Expected("Q109", line, sure=False) for line in _only_called(shop))]
    raise AssertionError(f"project {seed} gives no occasion for any mistake")


def _only_called(shop: Shop) -> list[Line]:
    return [shop.queues[shop.side]] if shop.side in shop.queues else []


def _is_in_order(shop: Shop, found: Answer) -> None:
    about = f"project {shop.seed} is in order\n{shop.tree}"
    assert [str(problem) for problem in found.problems] == [], about
    assert found.unclear == (), about
    sites = [(*shop.tree.place(line), sent.job, sent.queue) for line, sent in shop.tree.sites()]
    assert sorted(found.sites, key=str) == sorted(sites, key=str), about


def _is_found(name: str, shop: Shop, expected: list[Expected], found: Answer) -> None:
    about = f"project {shop.seed} with {name}\n{shop.tree}"
    told = {(problem.code, problem.path, problem.line): str(problem) for problem in found.problems}
    wanted = {(one.code, *shop.tree.place(one.line)): one for one in expected}
    sure = {place for place, one in wanted.items() if one.sure}
    assert told, about
    assert sure <= set(told) <= set(wanted), about
    for place, text in told.items():
        assert [words for words in wanted[place].words.split("|") if words not in text] == [], f"{text}\n{about}"


def test_every_kind_of_mistake_is_made_in_several_of_them() -> None:
    names = [mistaken(seed)[0] for seed in range(PROJECTS)]
    assert len(KINDS) > 30
    assert [kind for kind in KINDS if names.count(kind) < 2] == []


def test_the_projects_dispatch_in_every_way() -> None:
    text = "\n".join(str(project(seed).tree) for seed in range(40))
    ways = """
        .dispatch( dispatch_many( functools.partial( await KINDS names.TO_ Texts. Marks. TABLE[ self.QUEUE self.queue
        model_validate lambda isinstance getattr( copy.copy( pool.submit( pool.later( SELECT subprocess.run CRON
        dispatches import_* ctx.transaction :=
    """
    assert [way for way in ways.split() if way.replace("_*", " *") not in text] == []
