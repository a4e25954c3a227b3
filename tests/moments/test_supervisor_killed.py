"""Supervisor and template die, alone and together: no slot is doubled, no job lost, no deadline forgotten."""

from __future__ import annotations

import os
import signal
import time

from tests.moments.conftest import Make
from tests.moments.faults import Fault
from tests.moments.host import Host
from tests.moments.watch import HELD, Watch, lives, overlaps
from tests.supervise.rig import end

BEAT = "SELECT beat_at FROM qsup.supervisors"
SLOW = {"timeout": "600s", "grace": "2s"}
OTHERS = {"sms": {"workers": 3, "timeout": "20s", "sleep": "0.2s"}}


def served(host: Host, word: str) -> float:
    """Start `qsup run`; seconds until each of the three workers of `sms` is in a job of its own."""
    names = [f"{word}{number}" for number in range(3)]
    for name in names:
        host.put(name, "sms", until=word)
    began = time.monotonic()
    host.spawn()
    host.until(lambda: all(host.tries(name) for name in names), "all three are in a job")
    took = time.monotonic() - began
    host.let_go(word)
    host.until(lambda: all(host.diary(f"end {name} ") for name in names), "all three have done it")
    return took


def template_of(host: Host) -> int:
    """Its pid."""
    [template] = [one["pid"] for one in host.state["template"].values() if one["pid"]]
    return int(template)


def test_killed_in_a_job_of_600_s_all_other_slots_are_served_at_once_and_its_outcome_comes_home(
    make_host: Make,
) -> None:
    host = make_host(**SLOW, more=OTHERS)
    host.faults.add(HELD)
    host.command("apply", "--database", host.dsn)
    plain = served(host, "plain")
    host.settles(payments=1, sms=3)
    with Watch(host) as watch:
        job = host.put("long", until="go")
        host.waits_for("begin long")
        host.processes[-1].kill()
        host.processes[-1].wait()
        again = served(host, "again")
        host.says("an earlier supervisor left a courier behind")
        print(f"a plain start served all slots after {plain:.2f} s, a start beside the running job after {again:.2f} s")
        host.until(
            lambda: host.rows("SELECT id, state FROM qsup.jobs") == [(job, "running")], "only the long one is left"
        )
        host.let_go("go")
        host.drained()
        host.settles(payments=1, sms=3)
    assert again < 3 * plain
    assert host.tries("long") == ["1 0"]
    assert host.story(job) == []
    assert watch.looks > 10
    assert not watch.doubled
    assert not overlaps(host)


def test_without_a_supervisor_the_courier_stays_until_the_last_worker_has_reported(host: Host) -> None:
    supervisor = host.start()
    courier, template = host.state["courier"]["pid"], template_of(host)
    host.put("long", until="go")
    host.waits_for("begin long")
    supervisor.kill()
    supervisor.wait()
    late = host.put("late")
    host.let_go("go")
    host.until(lambda: not lives(courier) and not lives(template), "courier and template have left")
    assert host.rows("SELECT id, state FROM qsup.jobs") == [(late, "ready")]
    assert host.rows("SELECT id FROM qsup.supervisors") == []
    assert host.story(late) == []


def test_the_template_is_killed_again_and_again_and_no_slot_is_doubled(make_host: Make) -> None:
    host = make_host(workers=3)
    host.faults.add(HELD)
    host.start()
    with Watch(host) as watch:
        for round_ in range(3):
            template, jobs = template_of(host), [f"job-{round_}-{number}" for number in range(9)]
            for name in jobs:
                host.put(name, until=f"go-{round_}" if name.endswith("-0") else "")
            host.waits_for(f"begin job-{round_}-0")
            end(template)
            host.until(lambda old=template: template_of_new(host, old), "another template runs")  # type: ignore[misc]  # a default binds the loop's value
            host.until(lambda: len(host.pids()) >= 2, "other slots are filled")
            host.let_go(f"go-{round_}")
            host.drained()
            host.settles(payments=3)
    assert watch.looks > 10
    assert not watch.doubled
    assert not overlaps(host)
    assert len(host.diary("begin")) == 27
    # A job that crosses a worker's farewell is given back; nothing else happens to any.
    assert host.rows("SELECT DISTINCT kind FROM qsup.job_events WHERE kind <> 'released'") == []


def template_of_new(host: Host, old: int) -> bool:
    """Whether a template with another pid runs."""
    pids = [one["pid"] for one in host.state["template"].values() if one["state"] == "ready"]
    return pids != [] and old not in pids


def test_a_new_supervisor_enforces_the_deadline_of_a_worker_that_it_has_found(make_host: Make) -> None:
    host = make_host(timeout="3s", grace="1s", tries=1)
    supervisor = host.start()
    template = template_of(host)
    job = host.put("deaf", how="deaf")
    worker = int(host.waits_for("begin deaf")[4])
    for pid in (supervisor.pid, template):
        end(pid)
    supervisor.wait()
    host.spawn()
    host.drained()
    assert host.rows("SELECT id, cause, attempts, crashes FROM qsup.failed_jobs") == [(job, "tries", 1, 0)]
    assert host.tries("deaf") == ["1 0"]
    assert not group_lives(worker)


def group_lives(pid: int) -> bool:
    """Has the group that this process led a member that runs?"""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def beat_after_a_while(host: Host) -> object:
    """When it beat last, after a turn of the courier's house in which a heartbeat was due."""
    host.faults.forward(6)
    done = len(host.diary("end due"))
    host.put("due", delay=0.01)
    host.until(lambda: len(host.diary("end due")) > done, "the house has promoted a job")
    return host.rows(BEAT)[0][0]


def test_a_supervisor_that_was_stopped_past_its_pings_kills_nobody_and_beats_again(host: Host) -> None:
    supervisor = host.start()
    pids = {**host.pids(), "courier": host.state["courier"]["pid"], "template": template_of(host)}
    os.kill(supervisor.pid, signal.SIGSTOP)
    host.faults.forward(60)
    beats = [beat_after_a_while(host) for _ in range(6)]
    # The first ones may still have met a turn of the house or a ping that was on its way.
    assert len(set(beats[3:])) == 1, f"the courier beats for a supervisor that hangs: {beats}"
    os.kill(supervisor.pid, signal.SIGCONT)
    host.until(lambda: host.rows(BEAT) != [(beats[-1],)], "it beats again")
    after = {**host.pids(), "courier": host.state["courier"]["pid"], "template": template_of(host)}
    assert after == pids


def test_with_supervisor_and_template_dead_a_job_ends_with_its_lease_and_nothing_of_it_is_left(
    make_host: Make,
) -> None:
    # A lease of 1 + 3 s: its end is kept by the kernel when nobody is left to keep the deadline.
    host = make_host(timeout="1s", grace="0s", tries=2)
    host.faults.add(Fault(name="margin", process="qsup.courier", at="qsup.routing:MARGIN", do="set", value=3.0))
    supervisor = host.start()
    courier, template = host.state["courier"]["pid"], template_of(host)
    job = host.put("deaf", how="deaf")
    worker = int(host.waits_for("begin deaf")[4])
    for pid in (supervisor.pid, template):
        end(pid)
    supervisor.wait()
    host.until(lambda: not lives(worker), "the worker has ended with its lease")
    host.until(lambda: not lives(courier), "the courier has left after its last worker")
    assert group_lives(worker), "its grandchild should be there still: nobody is left to kill it"
    host.queue(timeout="1s", grace="0s", tries=1)
    host.spawn()
    host.until(lambda: len(host.tries("deaf")) == 2, "the job runs again")
    assert not group_lives(worker), "the job ran again before its process group was empty"
    host.drained()
    assert host.failed() == [(job, 1, 0)]


def test_everything_is_killed_and_the_next_run_gives_the_job_back_at_once(make_host: Make) -> None:
    host = make_host(**SLOW)
    supervisor = host.start()
    everybody = [supervisor.pid, template_of(host), host.state["courier"]["pid"], host.pids()["payments:0"]]
    job = host.put("long", until="go")
    host.waits_for("begin long")
    for pid in everybody:
        end(pid)
    supervisor.wait()
    [(owner,)] = host.rows("SELECT reserved_by FROM qsup.jobs")
    host.spawn()
    # Its lease has ten minutes to go: only the id that the board has kept can tell that it is nobody's.
    host.until(lambda: host.tries("long") == ["1 0", "1 0"], "it runs again")
    assert host.rows("SELECT id, reserved_by FROM qsup.jobs") == [(job, owner)]
    host.let_go("go")
    host.drained()


def test_a_worker_that_has_lost_its_template_is_buried_by_the_supervisor_who_sees_how_it_died(host: Host) -> None:
    host.start()
    job = host.put("long", until="go")
    worker = int(host.waits_for("begin long")[4])
    template = template_of(host)
    end(template)
    host.until(lambda: template_of_new(host, template), "another template runs")
    end(worker)
    host.until(lambda: len(host.tries("long")) == 2, "it runs again")
    host.let_go("go")
    host.drained()
    assert host.story(job) == ["crash: its worker was killed by signal 9 (SIGKILL)"]


def test_a_template_that_hangs_when_a_deadline_is_over_is_replaced_and_the_supervisor_kills(make_host: Make) -> None:
    host = make_host(timeout="1s", grace="0s", tries=1)
    silence = Fault(
        name="silence", process="qsup.supervise", at="qsup.supervise.children:SILENCE", do="set", value=3.0
    )  # fmt: skip
    host.faults.add(silence)
    host.start()
    job = host.put("deaf", how="deaf")
    host.waits_for("begin deaf")
    os.kill(template_of(host), signal.SIGSTOP)
    host.drained()
    assert host.failed() == [(job, 1, 0)]
    host.says("was killed over its time limit in job")
