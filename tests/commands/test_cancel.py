"""`qsup cancel`: the job ends, wherever it is at that moment, and no other job with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.operator import WHO, Operator
from tests.commands.solos import QUEUES, Solos
from tests.supervise.rig import Run, alive, end

FAILED = "SELECT id, cause, attempts, crashes FROM qsup.failed_jobs"


def with_hook(project: Path) -> None:
    """Pay gets a failed hook, which writes into the diary."""
    shop = project / "shop.py"
    shop.write_text(
        shop.read_text()
        + "\ndef sorry(job: Pay, ctx: qsup.Context) -> None:\n"
        + "    with open('diary', 'a') as diary:\n        diary.write(f'sorry {job.text} {ctx.error}\\n')\n"
    )
    file = project / "queues.yaml"
    said = json.loads(file.read_text())
    said["jobs"]["Pay"]["failed"] = "shop:sorry"
    file.write_text(json.dumps(said))


def test_a_waiting_job_goes_to_the_failed_ones_and_nothing_of_it_is_lost(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("pause", "payments")
    job, other = run.dispatch("unwanted"), run.dispatch("wanted")
    assert f"job {job}: cancelled while it waited" in ann.says("cancel", str(job))
    assert run.rows("SELECT id, cause, payload ->> 'text', message FROM qsup.failed_jobs") == [
        (job, "cancelled", "unwanted", f"cancelled by {WHO} (command 2)")
    ]
    assert run.rows("SELECT id FROM qsup.jobs") == [(other,)]
    assert run.rows("SELECT job_id, kind FROM qsup.job_events") == [(job, "cancelled")]


def test_a_waiting_job_needs_nobody_to_be_cancelled(run: Run, ann: Operator) -> None:
    assert run.command("apply").returncode == 0
    job = run.dispatch("unwanted")
    ann.says("cancel", str(job))
    assert run.rows(FAILED) == [(job, "cancelled", 0, 0)]


def test_a_running_job_is_killed_with_its_group_and_its_worker_replaced(run: Run, ann: Operator) -> None:
    run.start()
    job = run.dispatch("long", until="never")
    worker = int(run.waits_for("begin long")[4])
    told = ann.hears("cancel", str(job))
    assert told["result"] == "cancelled while it ran"
    assert [one["state"] for one in told["answers"]] == ["done"]
    assert run.rows(FAILED) == [(job, "cancelled", 1, 0)]
    assert run.rows("SELECT message FROM qsup.failed_jobs") == [(f"cancelled by {WHO} (command 1)",)]
    assert not alive(worker)
    run.says(f"was killed because its job was cancelled in job {job}")
    run.settles()


@pytest.mark.parametrize("where", ["waiting", "running"])
def test_its_failed_hook_is_run_as_after_any_failure(run: Run, ann: Operator, where: str) -> None:
    with_hook(run.project)
    run.start()
    if where == "waiting":
        ann.says("pause", "payments")
    job = run.dispatch("unwanted", until="never")
    if where == "running":
        run.waits_for("begin unwanted")
    ann.says("cancel", str(job))
    ann.says("resume", "payments")
    assert run.waits_for("sorry unwanted")[2:5] == ["cancelled", "by", WHO]
    run.waits_for_jobs_to_end()
    assert run.rows("SELECT id, cause FROM qsup.failed_jobs") == [(job, "cancelled")]


def test_a_job_that_kills_its_worker_again_and_again_is_ended(run: Run, ann: Operator) -> None:
    (run.project / "shop.py").write_text((run.project / "shop.py").read_text().replace(" and ctx.crashes == 0", ""))
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "max_crashes": 1000, "backoff": "0.3s"}})
    run.start()
    job = run.dispatch("bad", how="die once")
    run.waits_for("begin bad", times=3)
    assert "cancelled" in ann.says("cancel", str(job))
    assert run.rows("SELECT id, cause FROM qsup.failed_jobs") == [(job, "cancelled")]
    run.dispatch("good")
    run.waits_for("end good")


def test_a_job_behind_a_long_one_in_its_workers_socket_is_cancelled_alone(run: Run, ann: Operator) -> None:
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "workers": 1, "prefetch": 2}})
    run.spawn()
    run.settles(payments=1, sms=1)
    ann.says("pause", "payments")
    long, behind, last = run.dispatch("long", until="go"), run.dispatch("behind"), run.dispatch("last")
    ann.says("resume", "payments")
    run.waits_for("begin long")
    ann.says("cancel", str(behind))
    run.let_go("go")
    run.waits_for_jobs_to_end()
    assert run.rows("SELECT id, cause FROM qsup.failed_jobs") == [(behind, "cancelled")]
    assert (len(run.diary("begin long")), len(run.diary("begin behind")), len(run.diary("end last"))) == (1, 0, 1)
    assert long < behind < last


def test_the_courier_dies_between_the_order_and_its_end(run: Run, ann: Operator) -> None:
    run.start()
    job = run.dispatch("long", until="never")
    run.waits_for("begin long")
    supervisor = run.processes[-1]
    for _ in range(3):
        end(run.state["courier"]["pid"])
        run.until(lambda: run.state["courier"]["state"] == "ready", "another courier runs")
    call = ann.calls("cancel", str(job))
    run.until(lambda: run.rows("SELECT id FROM qsup.commands") == [(1,)], "the command is given")
    end(run.state["courier"]["pid"])
    said = call.communicate(timeout=60)[0]
    assert call.returncode == 0, said
    assert run.rows("SELECT id, cause FROM qsup.failed_jobs") == [(job, "cancelled")]
    assert len(run.diary("begin long")) <= 2
    assert supervisor.poll() is None
    run.settles()


def test_the_supervisor_dies_with_an_open_order_and_its_successor_obeys(run: Run, ann: Operator) -> None:
    first = run.start()
    job = run.dispatch("long", until="never")
    worker = int(run.waits_for("begin long")[4])
    first.kill()
    first.wait()
    end(run.state["courier"]["pid"]) if run.state else None
    code, said = ann.tries("cancel", str(job), "--timeout", "2s")
    assert code in (0, 124), said
    run.spawn()
    run.until(lambda: run.rows("SELECT id, cause FROM qsup.failed_jobs") == [(job, "cancelled")], "it is cancelled")
    run.settles()
    assert not alive(worker)
    assert len(run.diary("begin long")) == 1


def test_a_job_whose_template_is_dead_is_killed_by_the_supervisor(run: Run, ann: Operator) -> None:
    run.start()
    [template] = run.state["template"].values()
    job = run.dispatch("long", until="never")
    worker = int(run.waits_for("begin long")[4])
    end(template["pid"])
    run.until(lambda: not alive(template["pid"]), "the template is dead")
    ann.says("cancel", str(job))
    assert run.rows(FAILED) == [(job, "cancelled", 1, 0)]
    assert not alive(worker)
    run.settles()


def test_what_has_ended_cannot_be_cancelled_and_the_answer_says_where_it_is(run: Run, ann: Operator) -> None:
    run.start()
    done = run.dispatch("quick")
    run.waits_for_jobs_to_end()
    assert ann.tries("cancel", str(done)) == (1, f"qsup: there is no job {done}\n  A finished job leaves no row, "
                                              "unless its queue says `keep`.\n")  # fmt: skip
    ann.says("pause", "payments")
    job = run.dispatch("unwanted")
    ann.says("cancel", str(job))
    assert "has failed already" in ann.tries("cancel", str(job))[1]
    assert ann.tries("cancel", "0")[0] == 2


def test_a_solo_worker_ends_its_job_and_takes_the_next(solos: Solos, ann: Operator) -> None:
    worker = solos.worker()
    job = solos.dispatch("long", until="never")
    solos.dispatch("next")
    child = int(solos.waits_for("begin long")[4])
    told = ann.hears("cancel", str(job))
    assert told["result"] == "cancelled while it ran"
    solos.waits_for("end next")
    assert solos.rows(FAILED) == [(job, "cancelled", 1, 0)]
    assert not alive(child)
    assert worker.poll() is None


def test_a_solo_parent_dies_with_an_open_order_and_its_successor_obeys(solos: Solos, ann: Operator) -> None:
    worker = solos.worker()
    job = solos.dispatch("long", until="never")
    solos.waits_for("begin long")
    worker.kill()
    worker.wait()
    code, said = ann.tries("cancel", str(job), "--timeout", "1s")
    assert code == 124, said
    solos.worker()
    solos.until(lambda: solos.rows("SELECT id, cause FROM qsup.failed_jobs") == [(job, "cancelled")], "it is cancelled")
    solos.until(lambda: solos.rows("SELECT id FROM qsup.commands WHERE done_at IS NULL") == [], "it is closed")
