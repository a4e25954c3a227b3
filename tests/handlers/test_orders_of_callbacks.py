"""All callbacks of the file twice, in random orders, and by twenty workers at once: the same tables as once."""

from __future__ import annotations

import random

import pytest

from tests.handlers.hotspot import CASES, Hotspot

Tables = dict[str, list[dict[str, object]]]

_cache: list[Tables] = []


def shuffled(names: list[str]) -> list[str]:
    """In an order whose seed a failure shows."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    random.Random(seed).shuffle(names)  # noqa: S311  a seeded order, not a secret
    return names


def play_all(hotspot: Hotspot, names: list[str]) -> list[int]:
    """They arrive in this order; nothing is processed yet."""
    return [hotspot.receive(CASES[name]["kind"], CASES[name]["payload"]) for name in names]


@pytest.fixture(params=range(3))
def turn() -> None:
    """Three times, each with another order."""


@pytest.fixture
def wanted(hotspot: Hotspot) -> Tables:
    """What the file comes to when it is played once, in its order; the hotspot is empty again after that."""
    if not _cache:
        for name in CASES:
            hotspot.play(name)
        _cache.append(hotspot.comes_to())
        hotspot.start_anew()
    return _cache[0]


@pytest.mark.usefixtures("turn")
def test_twice_in_a_random_order_is_as_once(hotspot: Hotspot, wanted: Tables) -> None:
    play_all(hotspot, shuffled([*CASES, *CASES]))
    hotspot.run("payments")
    assert hotspot.comes_to() == wanted


@pytest.mark.usefixtures("turn")
def test_by_twenty_workers_at_once_is_as_once(hotspot: Hotspot, wanted: Tables) -> None:
    play_all(hotspot, shuffled([*CASES, *CASES, *CASES]))
    reports = hotspot.run_at_once("payments")
    assert {report.kind for report in reports} == {"committed", "retry"}, [report.reason for report in reports]
    assert hotspot.comes_to() == wanted


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["expect"]["outcome"] != "malformed"])
def test_each_case_twenty_times_at_once_is_as_once(hotspot: Hotspot, name: str) -> None:
    hotspot.play(name)
    wanted = hotspot.comes_to()
    hotspot.start_anew()
    play_all(hotspot, [name] * 20)
    hotspot.run_at_once("payments")
    assert hotspot.comes_to() == wanted
