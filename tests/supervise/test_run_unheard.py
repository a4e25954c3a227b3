"""An edit that would leave somebody unheard is refused; a start says what it leaves unheard and serves the rest."""

from __future__ import annotations

import json

import psycopg

from tests.supervise.rig import QUEUES, Run

TELLER = """
import qsup


class Refund(qsup.Job):
    text: str


def give_back(text: str) -> None:
    Refund(text=text).dispatch()


def refund(job: Refund, ctx: qsup.Context) -> None:
    pass
"""


def write(run: Run, *, refund: bool, workers: int = 2) -> None:
    """The shop's file, with the code of a teller that dispatches Refund, routed or not."""
    jobs = {"Pay": {"queue": "payments", "handler": "shop:pay"}}
    if refund:
        jobs["Refund"] = {"queue": "sms", "handler": "teller:refund"}
    queues = {"payments": {**QUEUES["payments"], "workers": workers}, "sms": QUEUES["sms"]}
    fresh = run.project / "queues.yaml.new"
    fresh.write_text(json.dumps({"version": 1, "queues": queues, "jobs": jobs, "code": ["teller.py"]}))
    fresh.rename(run.project / "queues.yaml")


def park(run: Run) -> None:
    """A job that waits on sms for a day."""
    with psycopg.connect(run.dsn, autocommit=True) as conn:
        conn.execute("""SELECT qsup.dispatch('Pay', '{"text": "x"}', queue => 'sms', delay => '1 day')""")


def test_an_edit_that_strands_waiting_rows_is_refused_and_changes_nothing(run: Run) -> None:
    run.start()
    before = run.pids()
    park(run)
    run.write({"payments": QUEUES["payments"]})
    codes = [problem["code"] for problem in run.refused()]
    assert codes == ["Q301", "Q310"]
    assert (run.pids(), run.state["generation"]) == (before, 1)
    run.says("queue sms holds 1 job of Pay, but no worker of this file serves it")


def test_with_allow_orphans_it_is_applied_and_status_goes_on_saying_so(run: Run) -> None:
    run.start("--allow-orphans")
    park(run)
    run.write({"payments": QUEUES["payments"]})
    run.settles(payments=2)
    run.until(lambda: [found["code"] for found in run.state["findings"]] == ["Q301"], "the state says so")
    told = json.loads(run.command("status", "--json").stdout)
    assert [found["code"] for found in told["findings"]] == ["Q301"]


def test_an_edit_that_takes_the_route_of_dispatched_code_away_is_refused(run: Run) -> None:
    (run.project / "teller.py").write_text(TELLER)
    write(run, refund=True)
    run.start()
    write(run, refund=False)
    first = run.refused()[0]
    assert (first["path"].rpartition("/")[2], first["line"], first["job"]) == ("teller.py", 10, "Refund")


def test_a_start_with_unheard_code_says_so_serves_the_rest_and_takes_other_edits(run: Run) -> None:
    (run.project / "teller.py").write_text(TELLER)
    write(run, refund=False)
    run.start()
    run.until(lambda: [found["job"] for found in run.state["findings"]] == ["Refund"], "the state says so")
    run.dispatch("heard")
    run.waits_for("end heard")
    write(run, refund=False, workers=1)
    run.settles(payments=1, sms=1)
    assert run.state["rejected"] is None


def test_a_start_says_which_waiting_rows_its_file_leaves_unheard(run: Run) -> None:
    with psycopg.connect(run.dsn, autocommit=True) as conn:
        conn.execute("INSERT INTO qsup.queues (name, workers) VALUES ('former', 1)")
        conn.execute("INSERT INTO qsup.job_types (name, queue, payload_limit) VALUES ('Gone', 'former', 1000)")
        conn.execute("SELECT qsup.dispatch('Gone', '{}')")
    run.start()
    run.says("unheard: queue former holds 1 job of Gone, but no worker of this file serves it")
    run.until(lambda: [found["queue"] for found in run.state["findings"]] == ["former"], "the state says so too")
    run.dispatch("heard")
    run.waits_for("end heard")


def test_a_strict_start_with_unheard_code_is_refused(run: Run) -> None:
    (run.project / "teller.py").write_text(TELLER)
    write(run, refund=False)
    process = run.spawn("--strict")
    assert process.wait(30) == 78
    assert "Refund" in run.output()
    assert "Traceback" not in run.output()
