"""What a handler changes in its worker, the next job does not find."""

from __future__ import annotations

import signal

import pytest

from qsup.messages import Signal
from tests.badhandlers.badjobs.changing import CHANGES, HARD_CHANGES
from tests.badhandlers.ward import Ward


@pytest.mark.parametrize("what", CHANGES)
def test_the_next_job_finds_its_worker_as_it_was(long_ward: Ward, what: str) -> None:
    before = long_ward.look()
    assert long_ward.ends(what) == ("", "", "")
    assert long_ward.look() == before, "not restored, or a fresh worker where the old one could have been mended"


def test_what_a_module_sets_up_when_it_is_imported_late_stays(ward: Ward) -> None:
    ward.open()
    ward.look()
    ward.ends("imports late")
    for _ in range(2):
        found = ward.look()
        assert found["environment"]["MISERY"] == "of an import"
        assert found["path"][-1] == "/imported"
        assert found["recursion"] == 5000
        ward.ends("environment")
        ward.ends("path")
        ward.ends("recursion")


@pytest.mark.parametrize("what", ["SIGALRM ignored", "signals blocked", "alarm", "signals' descriptor"])
def test_the_next_job_s_time_limit_has_its_effect(ward: Ward, what: str) -> None:
    ward.open(timeout=1.0, grace=10.0)
    ward.ends(what)
    assert ward.ends("swallows Exception")[2] == "over its time limit of 1 s"


@pytest.mark.parametrize("what", HARD_CHANGES)
def test_a_worker_that_cannot_be_mended_leaves_and_the_next_job_finds_a_fresh_one(ward: Ward, what: str) -> None:
    ward.open()
    before = ward.look()
    assert ward.ends(what) == ("", "", "")
    after = ward.look()
    pids = {before.pop("pid"), after.pop("pid")}
    assert len(pids) == 2 or what != "SIGTERM ignored", "a wish that it leaves may have been lost"
    assert after == before


def test_a_worker_hears_that_it_must_leave_whatever_its_last_handler_did_to_signals(ward: Ward) -> None:
    ward.open()
    for what in ("signals blocked", "signals' descriptor"):
        ward.ends(what)
    ward.template.channel.send(Signal("bad:0", ward.workers["bad:0"], signal.SIGTERM))
    ward.until(ward.replaced_after(1), "it has left", 10)
    assert ward.deaths[0].status == 0


@pytest.mark.parametrize("how", ["closes all descriptors", "closes all descriptors and opens others"])
def test_a_handler_that_closes_the_worker_s_descriptors_is_done_all_the_same(ward: Ward, how: str) -> None:
    ward.open()
    pid = ward.look()["pid"]
    assert ward.ends(how) == ("", "", "")
    assert ward.look()["pid"] != pid
    assert len(ward.lines()) == 1, "its outcome was lost, and it ran again"
    assert [death.status for death in ward.deaths] == [0]


def test_a_handler_that_leaks_until_nothing_can_be_opened_fails_and_a_fresh_worker_follows(ward: Ward) -> None:
    ward.open(timeout=20.0)
    cause, exception, message = ward.ends("leaks all descriptors")
    assert (cause, exception) == ("tries", "OSError")
    assert "Too many open files" in message
    ward.look()
    assert [death.status for death in ward.deaths] == [0]


def test_a_lowered_limit_of_descriptors_is_raised_again(ward: Ward) -> None:
    ward.open(timeout=20.0)
    before = ward.look()
    assert "Too many open files" in ward.ends("leaks under a lower limit")[2]
    assert ward.look()["files"] == before["files"]


def test_handlers_that_leak_a_little_each_never_meet_the_limit(ward: Ward) -> None:
    ward.open(timeout=20.0)
    for _ in range(25):
        ward.bad("leaks some descriptors")
    ward.until(ward.over, "all are done", 60)
    assert ward.rows("SELECT * FROM qsup.failed_jobs") == []
    assert {death.status for death in ward.deaths} == {0}
    ward.check_calm()


def test_a_thread_that_never_ends_keeps_neither_the_next_job_nor_its_worker_from_ending(ward: Ward) -> None:
    ward.open()
    pid = ward.look()["pid"]
    assert ward.ends("starts an endless thread") == ("", "", "")
    assert ward.look()["pid"] == pid
    ward.template.channel.send(Signal("bad:0", pid, signal.SIGTERM))
    ward.until(ward.replaced_after(1), "it has left", 10)
    assert ward.deaths[0].status == 0
