"""Two short chaos runs, one with each kind of PostgreSQL: no rule is broken. `make chaos` plays longer ones."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from tests.chaos.accidents import drawn
from tests.chaos.orders import mixed
from tests.project.source import ROOT

SEEDS = {1: "embedded", 5: "server"}
JOBS, MINUTES = 1000, 0.3


@pytest.mark.parametrize(("seed", "postgres"), SEEDS.items())
def test_no_rule_is_broken(seed: int, postgres: str) -> None:
    print(f"seed {seed}")
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed), "--json"]
    command += ["--minutes", str(MINUTES), "--jobs", str(JOBS)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert run.stdout, run.stderr
    report = json.loads(run.stdout)
    assert report["violations"] == [], json.dumps(report, indent=1)
    assert run.returncode == 0
    assert report["postgres"] == postgres
    assert report["effects"] > JOBS // 2
    assert sum(report["accidents"].values()) >= 8


def test_the_seed_decides_the_whole_schedule() -> None:
    def planned(seed: int) -> object:
        rnd = random.Random(seed)  # noqa: S311  a seeded plan, not a secret
        return mixed(rnd, 500, 120.0), drawn(rnd, 120.0, embedded=True)

    assert planned(7) == planned(7)
    assert planned(7) != planned(8)


def test_children_are_orders_of_their_own() -> None:
    roots, children = mixed(random.Random(3), 2000, 60.0)  # noqa: S311  a seeded plan, not a secret
    assert sorted(order.n for order in [*roots, *children]) == list(range(len(roots) + len(children)))
    assert {order.child for order in roots if order.does == "child"} == {order.n for order in children}
