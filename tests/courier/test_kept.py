"""`prefetch: 0`: the courier keeps short jobs for a worker, and sends each when the end of the last one is stored."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import cast

from qsup.courier.pace import ENOUGH, KEPT, SHORT, Pace
from qsup.courier.peers import Peer, Peers
from qsup.courier.ports import Wire
from tests.courier.rig import Rig
from tests.courier.test_jobs_run import ready
from tests.courier.test_prefetch import ids, jobs, put_together

MANY = 10 * ENOUGH
"""Enough to be known as short, and some dozens more."""
NOTE: dict[str, object] = {}


@dataclass
class Open:
    """Of a connection, what the choice of who gets a job looks at."""

    closed: bool = False
    unsent: int = 0


def looks(rig: Rig) -> list[tuple[int, int]]:
    """For each job: of the jobs that its worker had run before, how many still had a row; how many were claimed."""
    lines = rig.notes.with_name("notes.look").read_text().splitlines()
    return [(int(left), int(claimed)) for left, claimed in map(str.split, lines)]


def test_a_job_begins_when_the_end_of_the_one_before_is_stored_although_others_are_claimed(rig: Rig) -> None:
    ready(rig, workers=2, prefetch=0)
    look: dict[str, object] = {"how": "look"}
    numbers = put_together(rig, *[look] * MANY)
    rig.until(rig.drained, "all done", 60)
    assert sorted(ids(rig)) == numbers
    assert {left for left, _ in looks(rig)} == {0}
    assert max(claimed for _, claimed in looks(rig)) > 2, "nothing was ever kept"


def test_nobody_waits_behind_a_job_that_runs_long_while_another_worker_is_there(rig: Rig) -> None:
    ready(rig, workers=4, prefetch=0)
    stay: dict[str, object] = {"how": "stay"}
    numbers = put_together(rig, *[NOTE] * MANY, stay, *[NOTE] * 60, stay, *[NOTE] * 60, stay, *[NOTE] * 60)
    rig.until(lambda: len(ids(rig)) == len(numbers), "all others are run while three run long")
    assert sorted(ids(rig)) == numbers
    assert set(rig.rows("SELECT DISTINCT kind, detail FROM qsup.job_events")) <= {
        ("released", "the job before it ran long")
    }
    rig.notes.with_name("notes.go").touch()
    rig.until(rig.drained, "all done")
    assert {line.split()[1] for line in rig.lines()} == {"1"}


def test_when_its_worker_is_killed_what_was_kept_for_it_is_run_once_and_not_charged(rig: Rig) -> None:
    ready(rig, workers=1, prefetch=0, max_crashes=1)
    before, behind = [NOTE] * MANY, [NOTE] * 40
    bad: dict[str, object] = {"how": "die"}
    numbers = put_together(rig, *before, bad, *behind)
    rig.until(rig.drained, "all ended")
    assert rig.rows("SELECT id, crashes FROM qsup.failed_jobs") == [(numbers[MANY], 1)]
    assert sorted(ids(rig)) == numbers
    assert {tuple(line.split()[1:3]) for line in rig.lines() if " hook: " not in line} == {("1", "0")}


def test_kill_9_of_the_courier_that_keeps_jobs_runs_each_exactly_once(rig: Rig) -> None:
    ready(rig, workers=4, prefetch=0)
    short: dict[str, object] = {"seconds": 0.002}
    numbers = put_together(rig, *[short] * (4 * MANY))
    for _ in range(3):
        rig.until(rig.progress_of(2 * ENOUGH), "work is going on")
        rig.new_courier()
    rig.until(rig.drained, "all done", 60)
    assert sorted(ids(rig)) == numbers


def test_jobs_of_every_length_are_each_run_exactly_once_and_none_is_charged_for_being_let_go(rig: Rig) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311  a test's choice, not a secret
    ready(rig, workers=3, prefetch=0)
    lengths = [chance.choice([0.0, 0.0, 0.0, 0.0, 0.02, chance.uniform(0.0, 0.1)]) for _ in range(2 * MANY)]
    notes: list[dict[str, object]] = [{"seconds": seconds} for seconds in lengths]
    numbers = put_together(rig, *notes)
    rig.until(rig.drained, "all done", 60)
    assert sorted(ids(rig)) == numbers
    assert {tuple(line.split()[1:3]) for line in rig.lines()} == {("1", "0")}


def test_jobs_are_kept_only_while_they_are_known_to_be_short() -> None:
    pace = Pace()
    assert pace.depth("q", 0, commit=0.0) == 1
    for _ in range(ENOUGH):
        pace.saw("q", SHORT / 8)
    assert pace.depth("q", 0, commit=0.0) == 9, "the last waits no longer than SHORT"
    assert pace.depth("q", 0, commit=SHORT / 8) == 5, "nor while the ends before it are stored"
    assert pace.depth("q", 0, commit=SHORT) == 1
    assert pace.depth("q", 0) == 1, "a worker without a courier has nobody who keeps"
    for _ in range(100):
        pace.saw("q", SHORT / 1000)
    assert pace.depth("q", 0, commit=0.0) == KEPT
    pace.forget("q")
    assert pace.depth("q", 0, commit=0.0) == 1


def test_more_is_claimed_when_somebody_has_none_and_then_for_all_who_have_half_or_less() -> None:
    peers = Peers()
    peers.by_slot = {f"q:{number}": Peer(cast(Wire, Open()), number, f"q:{number}") for number in range(3)}
    few, half, more = peers.by_slot.values()
    few.jobs, half.jobs, more.jobs = jobs(1), jobs(2), jobs(3)
    assert peers.free({"q": 4}, 0.0, ["q"]) == {}
    few.jobs.clear()
    assert peers.free({"q": 4}, 0.0, ["q"]) == {"q": ["q:0", "q:0", "q:0", "q:1", "q:0", "q:1"]}
    assert peers.free({"q": 1}, 0.0, ["q"]) == {"q": ["q:0"]}
