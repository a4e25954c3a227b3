"""The host was suspended for an hour: CLOCK_BOOTTIME has gone on, monotonic time has stood still.

`faults.suspend` is one write that does this for all processes of the host; each notices it as after a real sleep.
"""

from __future__ import annotations

import psycopg
import pytest

from tests.moments.conftest import Make
from tests.moments.faults import Fault
from tests.moments.host import Host
from tests.moments.test_supervisor_killed import template_of
from tests.moments.watch import lives

HOUR = 3600
HAND_OUT = "qsup.courier.handout:Handout._give"
HANDED_BACK = ["released: its lease was too short when its worker came to it"]


@pytest.fixture(scope="module")
def host(make_shared_host: Make) -> Host:
    """A host that runs, with points to hold a job at; each test has a job of its own."""
    host = make_shared_host(max_time="30d")
    at = {"in-hand": ("qsup.template", "qsup.worker:Worker.work"), "claimed": ("qsup.courier", HAND_OUT)}
    for name, (process, point) in at.items():
        host.faults.add(Fault(name=name, process=process, at=point, do="hold", armed=False))
    host.start()
    return host


def sleep_between(host: Host, point: str) -> int:
    """A job whose host is suspended for an hour when it has come to this point of the code; its id."""
    host.faults.arm(point)
    job = host.put(point)
    host.happens(point)
    host.faults.suspend(HOUR)
    host.faults.let_go(point)
    host.drained()
    return job


def test_a_worker_hands_back_what_was_in_its_socket_for_longer_than_the_lease(host: Host) -> None:
    job = sleep_between(host, "in-hand")
    assert host.story(job) == HANDED_BACK
    assert host.tries("in-hand") == ["1 0"]


def test_a_worker_hands_back_what_its_courier_had_claimed_an_hour_before(host: Host) -> None:
    job = sleep_between(host, "claimed")
    assert host.story(job) == HANDED_BACK
    assert host.tries("claimed") == ["1 0"]


def test_at_wake_up_deadlines_hold_and_nobody_is_killed_for_silence(make_host: Make) -> None:
    more = {"sms": {"workers": 1, "timeout": "3h", "max_time": "30d"}}
    host = make_host(timeout="60s", tries=1, max_time="30d", more=more)
    host.start()
    pids = {**host.pids(), "courier": host.state["courier"]["pid"], "template": template_of(host)}
    over, within = host.put("over", until="never"), host.put("within", "sms", until="go")
    for text in ("over", "within"):
        host.waits_for(f"begin {text}")
    host.faults.suspend(HOUR)
    host.until(lambda: host.failed() == [(over, 1, 0)], "the job over its time limit has failed")
    host.let_go("go")
    host.drained()
    assert host.story(within) == []
    assert host.tries("within") == ["1 0"]
    host.until(lambda: len(host.pids()) == 2, "the killed worker is replaced")
    after = {**host.pids(), "courier": host.state["courier"]["pid"], "template": template_of(host)}
    assert {name for name in pids if pids[name] != after[name]} == {"payments:0"}
    assert not lives(pids["payments:0"])


def test_due_times_are_the_server_s_clock_and_no_other(host: Host) -> None:
    host.put("in an hour", delay=HOUR)
    host.faults.forward(2 * HOUR)
    host.put("soon", delay=0.01)
    host.waits_for("end soon")
    assert host.diary("begin in an hour") == []
    with psycopg.connect(host.dsn, autocommit=True) as conn:
        # The server's clock an hour ahead is the same as its times an hour older.
        conn.execute("UPDATE qsup.jobs SET available_at = available_at - interval '1 hour'")
    host.drained()
    assert len(host.diary("end in an hour")) == 1
