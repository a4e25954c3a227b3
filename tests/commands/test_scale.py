"""`qsup scale`: another number of workers than the file's, touching only what it must, until the file is edited."""

from __future__ import annotations

import json
import signal

from tests.commands.operator import Operator
from tests.commands.solos import QUEUES, Solos
from tests.supervise.rig import Run, end

FOUR = {**QUEUES, "payments": {**QUEUES["payments"], "workers": 4}}


def test_up_and_down_keep_the_workers_that_stay(run: Run, ann: Operator) -> None:
    run.start()
    before = run.pids()
    said = ann.says("scale", "payments", "5")
    assert "payments is scaled to 5 workers (file: 2)" in said
    assert "done: 5 workers (file: 2)" in said
    more = run.settles(payments=5, sms=1)
    assert before.items() <= more.items()
    ann.says("scale", "payments", "1")
    fewer = run.settles(payments=1, sms=1)
    assert fewer.items() <= before.items()
    ann.says("scale", "payments", "--reset")
    assert fewer.items() <= run.settles().items()


def test_it_is_shown_wherever_one_looks(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("scale", "payments", "3")
    run.settles(payments=3, sms=1)
    assert "scaled to 3 (file: 2)" in run.command("status").stdout
    [row] = [row for row in json.loads(run.command("status", "--json").stdout)["queues"] if row["name"] == "payments"]
    assert row["scaled"] == {"workers": 3, "file": 2}
    assert "queue payments is scaled to 3 (file: 2)" in run.command("plan").stdout
    assert "nothing to do" in run.command("plan").stdout
    assert "scaled to 3 (file: 2)" in run.command("explain", "payments").stdout


def test_it_outlives_courier_and_supervisor(run: Run, ann: Operator) -> None:
    first = run.start()
    ann.says("scale", "payments", "3")
    before = run.settles(payments=3, sms=1)
    end(run.state["courier"]["pid"])
    assert run.settles(payments=3, sms=1) == before
    first.send_signal(signal.SIGTERM)
    first.wait(30)
    run.spawn()
    run.settles(payments=3, sms=1)


def test_an_edit_of_its_number_ends_it_and_no_other_edit_does(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("scale", "payments", "3")
    run.settles(payments=3, sms=1)
    run.write({**QUEUES, "payments": {**QUEUES["payments"], "tries": 9}})
    run.says("tries 3 → 9")
    run.until(lambda: run.state["declared"] == 2, "the edit is applied")
    run.settles(payments=3, sms=1)
    run.write(FOUR)
    run.says("queue payments: the scale of 3 ends, the file says 4 now")
    run.settles(payments=4, sms=1)
    run.until(lambda: run.rows("SELECT scale FROM qsup.queues WHERE scale IS NOT NULL") == [], "it is forgotten")
    run.write(QUEUES)
    run.settles()


def test_an_edit_made_while_nobody_ran_ends_it_too(run: Run, ann: Operator) -> None:
    run.start()
    ann.says("scale", "payments", "3")
    run.settles(payments=3, sms=1)
    run.processes[-1].send_signal(signal.SIGTERM)
    run.processes[-1].wait(30)
    run.write(FOUR)
    run.spawn()
    run.settles(payments=4, sms=1)
    run.until(lambda: run.rows("SELECT scale FROM qsup.queues WHERE scale IS NOT NULL") == [], "it is forgotten")


def test_numbers_that_cannot_be_are_refused(run: Run, ann: Operator) -> None:
    run.start()
    for words, code, what in (
        (["payments", "0"], 2, "use `qsup pause`"),
        (["payments", "many"], 2, "neither a number nor"),
        (["payments"], 2, "Give either"),
        (["payments", "2000"], 1, "2001 workers"),
    ):
        assert (ann.tries("scale", *words)[0], what in ann.tries("scale", *words)[1]) == (code, True)
    assert run.settles()
    assert run.rows("SELECT scale FROM qsup.queues WHERE scale IS NOT NULL") == []
    assert run.rows("SELECT id FROM qsup.commands") == []


def test_without_a_supervisor_there_is_nothing_to_scale(solos: Solos, ann: Operator) -> None:
    code, said = ann.tries("scale", "payments", "3")
    assert (code, "no live supervisor serves payments" in said) == (3, True)
    solos.worker()
    code, said = ann.tries("scale", "payments", "3")
    assert (code, "the number of `qsup worker` processes is their starter's" in said) == (1, True)
    assert solos.rows("SELECT scale FROM qsup.queues WHERE scale IS NOT NULL") == []


def test_each_of_two_supervisors_goes_by_its_own_file(run: Run, second: Run, ann: Operator) -> None:
    run.start()
    second.write(FOUR)
    second.spawn()
    second.settles(payments=4, sms=1)
    assert "(file: 2, 4)" in ann.says("scale", "payments", "3")
    run.settles(payments=3, sms=1)
    second.settles(payments=3, sms=1)
    second.write(QUEUES | {"payments": {**QUEUES["payments"], "workers": 5}})
    second.settles(payments=5, sms=1)
    end(run.state["courier"]["pid"])
    run.settles(payments=3, sms=1)
