"""What a handler starts ends with its worker, and a failed run's remains never go on beside the next."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from qsup.messages import Signal
from tests.badhandlers.ward import Ward


def children(ward: Ward) -> list[int]:
    """The processes that handlers have told of."""
    return [int(line.split()[1]) for line in ward.lines() if line.startswith("child")]


def living(ward: Ward) -> list[int]:
    """Those of them that still run."""
    return [pid for pid in children(ward) if _state(pid) not in ("", "Z")]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@pytest.mark.parametrize("how", ["starts a child and hangs", "starts a daemon and hangs"])
def test_a_hanging_handler_s_children_are_gone_before_the_job_is_run_again(ward: Ward, how: str) -> None:
    ward.open(timeout=0.5, grace=0.5, tries=2)
    number = ward.bad(how)
    ward.until(lambda: len(children(ward)) == 1, "the first try has a child")
    [first] = children(ward)
    ward.until(lambda: len(children(ward)) == 2, "the second try has begun")
    assert _state(first) == "", "the job was run again while a process of its first try was there"
    ward.until(ward.over, "the second try has ended too")
    assert living(ward) == []
    assert ward.rows("SELECT id, cause FROM qsup.failed_jobs") == [(number, "tries")]
    ward.look()
    ward.check_calm()


@pytest.mark.parametrize(
    ("how", "number", "cause"),
    [("starts children and raises", 3, "tries"), ("starts children and exits", 2, "quarantined")],
)
def test_the_children_of_a_failed_run_are_gone_before_its_failure_is_known(
    ward: Ward, how: str, number: int, cause: str
) -> None:
    ward.open(max_crashes=1)
    pid = ward.look()["pid"]
    assert ward.ends(how)[0] == cause
    assert len(children(ward)) == number
    assert living(ward) == []
    assert ward.look()["pid"] != pid


@pytest.mark.parametrize("how", ["starts a child and ends", "starts a process", "starts a daemon and ends"])
def test_a_child_of_a_finished_job_may_stay_until_its_worker_leaves(ward: Ward, how: str) -> None:
    ward.open()
    pid = ward.look()["pid"]
    assert ward.ends(how) == ("", "", "")
    assert ward.look()["pid"] == pid
    assert len(living(ward)) == 1
    ward.template.channel.send(Signal("bad:0", pid, signal.SIGTERM))
    ward.until(ward.replaced_after(1), "its worker has left")
    assert living(ward) == []


def test_the_next_try_in_another_worker_finds_nothing_of_the_one_before_beside_it(ward: Ward) -> None:
    ward.open(workers=3, tries=4)
    assert ward.ends("starts children and raises")[0] == "tries"
    assert len(children(ward)) == 4 * 3
    assert [line for line in ward.lines() if line.startswith("beside")] == []


def test_a_daemon_of_a_worker_that_lives_is_not_taken_for_the_remains_of_one_that_died(ward: Ward) -> None:
    ward.open()
    ward.ends("starts a daemon and ends")
    ward.watching = False
    pid = ward.workers["calm:0"]
    ward.template.channel.send(Signal("calm:0", pid, signal.SIGKILL))
    ward.until(lambda: ward.workers.get("calm:0", pid) != pid and ward.serving(), "the other worker was replaced")
    assert len(living(ward)) == 1
    assert [death.slot for death in ward.deaths] == ["calm:0"]


@pytest.mark.parametrize("how", ["forks and returns", "forks and raises"])
def test_a_forked_child_that_comes_back_from_the_handler_is_no_second_worker(ward: Ward, how: str) -> None:
    ward.open()
    assert ward.ends(how) == ("", "", "")
    ward.until(lambda: children(ward), "the child has told of itself")
    ward.until(lambda: not living(ward), "the child has ended")
    for _ in range(20):
        ward.bad("forks and returns")
    ward.until(ward.over, "all are done")
    ids = [line.split()[0] for line in ward.lines() if not line.startswith("child")]
    assert len(ids) == len(set(ids)) == 21
    assert ward.deaths == []


def test_a_child_that_is_forked_inside_a_transaction_does_not_end_it(ward: Ward) -> None:
    ward.open()
    assert ward.ends("forks in a transaction") == ("", "", "")
    assert ward.rows("SELECT text FROM effects ORDER BY text") == [("after",), ("before",)]
    ward.look()
    assert "ctx.transaction()" not in ward.template.log.read_text(), "the child ended the job in its parent's name"
