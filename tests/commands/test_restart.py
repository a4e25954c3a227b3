"""`qsup restart`: every worker that was started before the command is replaced, a few at a time, and only once."""

from __future__ import annotations

import os
import signal
from typing import Any

from tests.commands.operator import Operator
from tests.commands.solos import QUEUES, Solos
from tests.supervise.rig import Run, alive, end

EIGHT: dict[str, Any] = {**QUEUES, "payments": {**QUEUES["payments"], "workers": 8}}


def started(run: Run) -> int:
    """How many workers of payments have been started so far."""
    lines = [line for line in run.output().splitlines() if "start worker" in line]
    return sum(line.partition(": ")[0].count("payments:") for line in lines)


def test_every_worker_of_the_queue_is_replaced_within_the_budget(run: Run, ann: Operator) -> None:
    run.write(EIGHT)
    run.spawn()
    before = run.settles(payments=8, sms=1)
    call = ann.calls("restart", "payments", "--wait")
    fewest = 8
    while call.poll() is None:
        fewest = min(fewest, sum(slot.startswith("payments") for slot in run.pids()))
    said = call.communicate()[0]
    assert call.returncode == 0, said
    assert "the workers of payments have been replaced" in said
    after = run.settles(payments=8, sms=1)
    assert {slot for slot in after if after[slot] == before[slot]} == {"sms:0"}
    assert fewest >= 6, f"{8 - fewest} of 8 were away at once, a quarter may be"
    assert started(run) == 16


def test_a_running_job_is_finished_first_and_the_command_says_who_it_waits_for(run: Run, ann: Operator) -> None:
    run.start()
    run.dispatch("long", until="go")
    busy = int(run.waits_for("begin long")[4])
    code, said = ann.tries("restart", "--wait", "--timeout", "3s")
    assert code == 124
    assert "not finished in 3s: " in said
    assert " to replace: " in said
    assert alive(busy)
    run.let_go("go")
    run.until(lambda: run.rows("SELECT result FROM qsup.commands") == [("done by 1",)], "it is finished")
    assert not alive(busy)
    assert len(run.diary("begin long")) == 1


def test_the_courier_dies_between_order_and_answer(run: Run, ann: Operator) -> None:
    run.start()
    before = run.pids()
    run.dispatch("long", until="go")
    run.waits_for("begin long")
    call = ann.calls("restart", "payments", "--wait")
    run.says("ann@desk asks: restart payments")
    end(run.state["courier"]["pid"])
    run.let_go("go")
    said = call.communicate(timeout=90)[0]
    assert call.returncode == 0, said
    after = run.settles()
    assert {slot for slot in after if after[slot] == before[slot]} == {"sms:0"}
    assert started(run) == 4, "a worker was replaced twice"


def test_the_supervisor_dies_in_the_middle_and_its_successor_answers(run: Run, ann: Operator) -> None:
    first = run.start()
    run.dispatch("long", until="go")
    busy = int(run.waits_for("begin long")[4])
    call = ann.calls("restart", "payments", "--wait")
    run.says("ann@desk asks: restart payments")
    first.kill()
    first.wait()
    run.spawn()
    run.until(lambda: busy in {one["pid"] for one in run.state.get("slots", {}).values()}, "it is taken over")
    run.let_go("go")
    said = call.communicate(timeout=90)[0]
    assert call.returncode == 0, said
    run.settles()
    assert not alive(busy)
    assert run.rows("SELECT result FROM qsup.commands") == [("done by 1",)]
    assert len(run.diary("begin long")) == 1


def test_nobody_there_is_an_error_of_its_own(run: Run, ann: Operator) -> None:
    run.start().send_signal(signal.SIGTERM)
    run.processes[-1].wait(30)
    # A courier that a busy machine keeps from signing off leaves its last heartbeat behind.
    run.rows("UPDATE qsup.supervisors SET beat_at = now() - interval '1 hour' RETURNING id")
    code, said = ann.tries("restart")
    assert (code, "no live supervisor serves any queue" in said) == (3, True)


def test_a_queue_without_workers_of_its_own_names_whose_they_are(run: Run, ann: Operator) -> None:
    run.write({**QUEUES, "low": {"workers_of": "payments"}})
    run.start()
    code, said = ann.tries("restart", "low")
    assert (code, "refused: low is served by the workers of payments" in said) == (1, True), said


def test_a_solo_worker_starts_again_in_place_after_its_job(solos: Solos, ann: Operator) -> None:
    worker = solos.worker()
    solos.dispatch("long", until="go")
    solos.waits_for("begin long")
    call = ann.calls("restart", "payments", "--wait")
    solos.until(lambda: solos.rows("SELECT state FROM qsup.command_answers") == [("taken",)], "it has heard")
    solos.code("two")
    solos.dispatch("next")
    solos.let_go("go")
    said = call.communicate(timeout=60)[0]
    assert call.returncode == 0, said
    assert solos.waits_for("begin next")[5] == "two", "it runs the old code"
    assert worker.poll() is None
    assert len(solos.diary("begin long")) == 1


def test_a_stop_is_a_stop_also_in_the_middle_of_a_restart(solos: Solos, ann: Operator) -> None:
    worker = solos.worker()
    solos.dispatch("long", until="go")
    solos.waits_for("begin long")
    ann.says("restart", "payments")
    os.kill(worker.pid, signal.SIGTERM)
    solos.let_go("go")
    assert worker.wait(30) == 0
    assert len(solos.diary("end long")) == 1
