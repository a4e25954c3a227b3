"""What ends a job by force, what replaces a worker between jobs, and whose jobs come first."""

from __future__ import annotations

from qsup.errors import ExitCode
from qsup.messages import Applied
from qsup.routing import Route
from tests.courier.rig import Rig, a_queue, a_routing
from tests.courier.test_jobs_run import put, ready


def test_a_handler_that_swallows_its_time_limit_is_killed_at_the_hard_end_and_charged_a_try(rig: Rig) -> None:
    ready(rig, workers=1, timeout=0.5, grace=0.5, tries=2)
    number = put(rig, "ignore the alarm")
    rig.until(rig.drained, "killed twice")
    assert [death.cause for death in rig.deaths] == ["timeout", "timeout"]
    assert rig.rows("SELECT id, cause, attempts, crashes FROM qsup.failed_jobs") == [(number, "tries", 2, 0)]
    assert rig.rows("SELECT kind FROM qsup.job_events ORDER BY id") == [("timeout",), ("tries",)]


def test_a_worker_over_its_memory_leaves_after_the_job_with_the_exit_code_of_laravel(rig: Rig) -> None:
    ready(rig, workers=1, memory=64 << 20)
    put(rig, "keep memory")
    rig.until(rig.replaced_after(1), "it has left and was replaced")
    put(rig)
    rig.until(rig.drained, "its successor works")
    assert [death.status for death in rig.deaths] == [ExitCode.WORKER_MEMORY]
    assert len({line.split()[3] for line in rig.lines()}) == 2
    assert rig.rows("SELECT * FROM qsup.job_events") == []


def test_a_worker_leaves_after_max_jobs_and_no_job_notices(rig: Rig) -> None:
    ready(rig, workers=1, max_jobs=10)
    for _ in range(60):
        put(rig)
    rig.until(rig.drained, "all done")
    runs = [line.split() for line in rig.lines()]
    assert len(runs) == len({run[0] for run in runs}) == 60
    # 10 jobs, more or less a tenth: workers of one age do not leave together.
    by_worker = [sum(run[3] == pid for run in runs) for pid in dict.fromkeys(run[3] for run in runs)]
    assert all(9 <= jobs <= 11 for jobs in by_worker[:-1])
    assert {death.status for death in rig.deaths} == {0}


def test_a_worker_leaves_at_max_time_even_when_it_is_idle(rig: Rig) -> None:
    ready(rig, workers=1, max_time=0.5)
    rig.until(rig.replaced_after(2), "two have grown old")
    put(rig)
    rig.until(rig.drained, "the next one works")
    assert {death.status for death in rig.deaths} == {0}


def test_a_queue_served_by_another_s_workers_is_looked_at_when_that_one_is_empty(rig: Rig) -> None:
    main, low = a_queue("main"), a_queue("low", workers=0, workers_of="main")
    rig.configure(a_routing(main, low, routes={"Note": Route(job="Note", queue="main", handler="rigjobs:note")}))
    rig.until(lambda: rig.heard(Applied) and rig.serving(), "applied and serving")
    put(rig, text="first", seconds=0.5)
    rig.until(rig.lines, "the only worker is busy")
    for text in ("low 1", "low 2"):
        put(rig, queue="low", text=text.replace(" ", "-"))
    for text in ("main 1", "main 2"):
        put(rig, text=text.replace(" ", "-"))
    rig.until(rig.drained, "all done")
    assert [line.split()[4] for line in rig.lines()] == ["first", "main-1", "main-2", "low-1", "low-2"]


def test_a_forked_child_that_comes_back_from_the_handler_is_not_a_second_worker(rig: Rig) -> None:
    ready(rig, workers=1)
    put(rig, "come back twice")
    for _ in range(50):
        put(rig)
    rig.until(rig.drained, "all done")
    assert len({line.split()[3] for line in rig.lines()}) == 1, "a child of the handler took jobs"
    assert len(rig.lines()) == 51
    assert rig.deaths == []
