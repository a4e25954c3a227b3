"""The verdict of a chaos run: each broken rule is one sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.ledger import Counts
from tests.chaos.orders import Order
from tests.chaos.verdict import Facts, violations

COURIERS = {f"qsup:{kind}:0123456789ab": 1 for kind in ("courier", "house", "lookout")}
GOOD = Facts(
    orders=[Order(0, "Quick", ""), Order(1, "Quick", "note"), Order(2, "Doomed", "doom")],
    counts=Counts(
        effects=Counter([0]), notes=Counter([1, 1]), failed=Counter([2]), causes=Counter(), events=Counter()
    ),
    mourned={2}, overlaps=[], again=[], connections=Counter(COURIERS | {"qsup:worker:quick:0": 1}), zombies=[],
    leftovers=[], run_files=["board"], ends=[], exit_code=0,
)  # fmt: skip


def changed(**counts: Any) -> Facts:
    return replace(GOOD, counts=replace(GOOD.counts, **counts))


BAD = {
    "without their effect": changed(effects=Counter()),
    "more than once": changed(effects=Counter([0, 0])),
    "rolled back": changed(effects=Counter([0, 2])),
    "at-least-once": changed(notes=Counter()),
    "should not have": changed(failed=Counter([0, 2])),
    "and did not": changed(failed=Counter()),
    "did not end": replace(GOOD, counts=replace(GOOD.counts, left=["7, quick, running"])),
    "failed hook was not run": replace(GOOD, mourned=set()),
    "run again": replace(GOOD, again=["order 1"]),
    "live runs": replace(GOOD, overlaps=["order 0"]),
    "qsup:embedded: 1": replace(GOOD, connections=GOOD.connections + Counter({"qsup:embedded": 1})),
    "courier: 2": replace(GOOD, connections=GOOD.connections + Counter({"qsup:courier:ffffffffffff": 1})),
    "at most 1": replace(GOOD, connections=GOOD.connections + Counter({"qsup:worker:quick:0": 1})),
    "zombies": replace(GOOD, zombies=["pid 7"]),
    "outlived": replace(GOOD, leftovers=["pid 7"]),
    "board.new-7": replace(GOOD, run_files=["board", "board.new-7"]),
    "by themselves": replace(GOOD, ends=["it ended"]),
    "expected 0": replace(GOOD, exit_code=1),
}


def test_a_good_run_has_none() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize("said", BAD)
def test_a_broken_rule_is_told(said: str) -> None:
    [sentence] = violations(BAD[said])
    assert said in sentence
