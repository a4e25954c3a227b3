"""TERM drains, a second TERM and QUIT do not wait: in no case is a job charged for it, or begun after it."""

from __future__ import annotations

import signal

import pytest

from tests.limits.looping import Looping
from tests.supervise.rig import QUEUES

PREFETCH = {**QUEUES, "payments": {**QUEUES["payments"], "workers": 1, "prefetch": 3, "timeout": "60s"}}


def held(run: Looping) -> int:
    """Jobs that a worker has."""
    return len(run.rows("SELECT 1 FROM qsup.jobs WHERE state = 'running'"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_waits_in_a_socket_at_a_stop_comes_back_uncharged_and_is_not_begun(
    run: Looping, number: signal.Signals
) -> None:
    run.write(PREFETCH)
    process = run.spawn()
    run.settles(payments=1, sms=1)
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    waiting = run.put("payments", count=3)
    run.until(lambda: held(run) >= 1, "they wait in the socket or in the queue")
    process.send_signal(number)
    run.until(lambda: run.state["stopping"], "it is stopping")
    run.let_go("go")
    assert process.wait(30) == 0
    assert run.rows("SELECT id, state, attempts, crashes FROM qsup.jobs ORDER BY id") == [
        (one, "ready", 0, 0) for one in waiting
    ]
    assert run.diary("begin") == run.diary("begin long")
    assert len(run.diary("end long")) == 1


@pytest.mark.parametrize("signals", [[signal.SIGQUIT], [signal.SIGTERM, signal.SIGTERM]], ids=["QUIT", "TERM twice"])
def test_a_stop_that_does_not_wait_gives_every_job_back_uncharged_and_says_so(
    run: Looping, signals: list[signal.Signals]
) -> None:
    run.write(PREFETCH)
    process = run.spawn()
    run.settles(payments=1, sms=1)
    long = run.dispatch("long", until="never")
    run.waits_for("begin long")
    waiting = run.put("payments", count=3)
    for number in signals:
        process.send_signal(number)
        run.until(lambda: process.poll() is not None or run.state.get("stopping"), "the signal has arrived")
    assert process.wait(30) == 0
    assert run.rows("SELECT id, state, attempts, crashes FROM qsup.jobs ORDER BY id") == [
        (one, "ready", 0, 0) for one in (long, *waiting)
    ]
    assert ("released", long) in run.rows("SELECT kind, job_id FROM qsup.job_events")
    assert {kind for (kind,) in run.rows("SELECT kind FROM qsup.job_events")} == {"released"}
    assert len(run.diary("begin")) == 1
