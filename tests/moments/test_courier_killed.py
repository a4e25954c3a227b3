"""The courier dies, or is replaced, at the worst moments: what it had claimed is run, once, and nobody is charged."""

from __future__ import annotations

import os
import signal
import time

from qsup.supervise.children import SILENCE
from tests.moments.conftest import Make
from tests.moments.faults import Fault
from tests.moments.host import Host

RELEASED = [("released", "its courier lost the database; no worker has it")]


def test_killed_between_the_commit_of_a_claim_and_the_write_to_the_socket(host: Host) -> None:
    host.faults.add(
        Fault(name="death", process="qsup.courier", at="qsup.courier.handout:Handout._give", do="kill", armed=False)
    )
    host.start()
    host.faults.arm("death")
    host.put("job")
    host.happens("death")
    assert host.rows("SELECT state FROM qsup.jobs") == [("running",)], "the claim was not committed"
    host.drained()
    assert host.diary("begin") == [f"begin job 1 0 {host.pids()['payments:0']} payments:0"]
    assert host.rows("SELECT kind, detail FROM qsup.job_events") == RELEASED


def first_job(host: Host) -> None:
    """One that shows that the worker has said hello: who is stopped before that is handed nothing."""
    host.put("first")
    host.drained()


def test_killed_with_jobs_in_a_socket_that_its_worker_has_not_read(make_host: Make) -> None:
    host = make_host(prefetch=2)
    # Taking back what waits behind a long job would also take back what should have been thrown away.
    host.faults.add(Fault(name="long", process="qsup.courier", at="qsup.courier.pace:LONG", do="set", value=1000.0))
    host.start()
    first_job(host)
    worker, courier = host.pids()["payments:0"], host.state["courier"]["pid"]
    os.kill(worker, signal.SIGSTOP)
    host.put_all(["a", "b", "c"], until="go")
    host.until(lambda: host.rows("SELECT DISTINCT state FROM qsup.jobs") == [("running",)], "all are in the socket")
    os.kill(courier, signal.SIGKILL)
    host.until(lambda: host.state["courier"]["pid"] not in (0, courier), "another courier runs")
    os.kill(worker, signal.SIGCONT)
    host.waits_for("begin")
    host.until(lambda: len(host.rows("SELECT FROM qsup.job_events WHERE kind = 'released'")) >= 2, "the rest is free")
    host.let_go("go")
    host.drained()
    assert sorted(line.split()[1:4] for line in host.diary("begin")[1:]) == [[text, "1", "0"] for text in "abc"]
    assert host.rows("SELECT DISTINCT kind, detail FROM qsup.job_events WHERE detail LIKE 'its courier%'") == RELEASED


def test_a_stopped_worker_whose_socket_is_full_holds_up_nobody(make_host: Make) -> None:
    host = make_host(prefetch=2, more={"sms": {"workers": 1, "timeout": "20s", "sleep": "0.2s"}})
    host.start()
    first_job(host)
    worker, courier = host.pids()["payments:0"], host.state["courier"]["pid"]
    os.kill(worker, signal.SIGSTOP)
    host.put_all([str(number) for number in range(6)], ballast="x" * 900_000)
    running = "SELECT count(*) FROM qsup.jobs WHERE state = 'running'"
    host.until(lambda: host.rows(running) == [(1,)], "the first is on its way")
    host.put("meanwhile", "sms")
    host.waits_for("end meanwhile")
    host.until(lambda: host.rows("SELECT count(*) FROM qsup.jobs") == [(6,)], "its end is stored")
    assert host.rows(running) == [(1,)], "others were put behind one that is not read"
    os.kill(worker, signal.SIGCONT)
    host.drained()
    assert sorted(line.split()[1] for line in host.diary("end")) == [*"012345", "first", "meanwhile"]
    assert host.state["courier"]["pid"] == courier


def test_a_database_that_does_not_answer_keeps_no_ping_from_being_answered_for_a_minute(make_host: Make) -> None:
    host = make_host(timeout="600s")
    host.start()
    courier, job = host.state["courier"]["pid"], host.put("job", until="go")
    host.waits_for("begin job")
    host.proxy.silent = True
    host.let_go("go")
    host.waits_for("end job")
    missed = time.monotonic() + SILENCE + 1.0
    host.until(lambda: time.monotonic() > missed, "time for all pings to be missed")
    assert host.state["courier"]["pid"] == courier
    # After a minute in one query it is replaced: a connection may be dead without a word.
    host.faults.forward(61)
    host.until(lambda: host.state["courier"]["pid"] not in (0, courier), "it is replaced")
    host.proxy.cut()
    host.proxy.silent = False
    host.drained()
    assert host.tries("job") == ["1 0"]
    assert host.story(job) == []
